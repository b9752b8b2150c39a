//! The processor's own generator: RDRAND, where there is one.

/// A word that nobody drew before, if the processor has such an instruction and it has not failed.
#[cfg(target_arch = "x86_64")]
pub(crate) fn random() -> Option<u64> {
    #[target_feature(enable = "rdrand")]
    fn draw() -> Option<u64> {
        let mut word = 0;
        let drawn = std::arch::x86_64::_rdrand64_step(&mut word);
        // Processors are known whose instruction came back from a sleep saying this and success.
        (drawn == 1 && word != u64::MAX && word != 0).then_some(word)
    }
    if !std::arch::is_x86_feature_detected!("rdrand") {
        return None;
    }
    // SAFETY: the processor has the instruction.
    unsafe { draw() }
}

/// The same where no processor has it.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn random() -> Option<u64> {
    None
}
