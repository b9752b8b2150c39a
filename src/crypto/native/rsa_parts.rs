//! What a private RSA key's template may leave out: the primes follow from n, e and d (SP 800-56B,
//! appendix C.2), the exponents and the coefficient follow from the primes (RFC 8017 §3.2).

use std::ptr::{self, NonNull};

use super::{done, number::Number, sys};
use crate::{Error, Result};

/// Memory that the library's arithmetic works in.
pub(crate) struct Arithmetic(NonNull<sys::BN_CTX>);

impl Arithmetic {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::BN_CTX_new() };
        NonNull::new(context).map(Self).ok_or(Error::Library)
    }

    /// p and q, p being the larger one. What is no RSA key gives an error or numbers whose product
    /// is not n: the library's check of the whole key decides.
    pub(crate) fn primes(&self, n: &Number, e: &Number, d: &Number) -> Result<[Number; 2]> {
        // a = (d·e − 1) · gcd(n − 1, d·e − 1)
        let mut k = self.product(d, e)?;
        subtract_one(&mut k)?;
        let mut n_minus_one = Number::zero()?;
        // SAFETY: both numbers are alive.
        let copied = unsafe { sys::BN_copy(n_minus_one.as_mut_ptr(), n.as_ptr()) };
        if copied.is_null() {
            return Err(Error::Library);
        }
        subtract_one(&mut n_minus_one)?;
        let a = self.product(&k, &self.gcd(&n_minus_one, &k)?)?;
        // m = ⌊a / n⌋, r = a − m·n
        let (mut m, r) = self.divided(&a, n)?;
        // b = (n − r) / (m + 1) + 1
        add_one(&mut m)?;
        let (mut b, _) = self.divided(&difference(n, &r)?, &m)?;
        add_one(&mut b)?;
        // p, q = (b ± √(b² − 4n)) / 2
        let mut four_n = Number::zero()?;
        // SAFETY: both numbers are alive.
        done(unsafe { sys::BN_lshift(four_n.as_mut_ptr(), n.as_ptr(), 2) })?;
        let root = self.root(&difference(&self.product(&b, &b)?, &four_n)?)?;
        Ok([half(sum(&b, &root)?)?, half(difference(&b, &root)?)?])
    }

    /// d mod prime − 1.
    pub(crate) fn exponent(&self, d: &Number, prime: &Number) -> Result<Number> {
        let one = Number::from_bytes(&[1])?;
        let (_, remainder) = self.divided(d, &difference(prime, &one)?)?;
        Ok(remainder)
    }

    /// q⁻¹ mod p.
    pub(crate) fn coefficient(&self, [p, q]: &[Number; 2]) -> Result<Number> {
        let context = self.0.as_ptr();
        // SAFETY: both numbers and the context are alive; null asks for a new number, which is ours.
        let inverse =
            unsafe { sys::BN_mod_inverse(ptr::null_mut(), q.as_ptr(), p.as_ptr(), context) };
        // SAFETY: the number is new, and ours.
        unsafe { Number::owned(inverse) }.map_err(|_| Error::Key)
    }

    fn product(&self, a: &Number, b: &Number) -> Result<Number> {
        let mut product = Number::zero()?;
        let (out, context) = (product.as_mut_ptr(), self.0.as_ptr());
        // SAFETY: all numbers and the context are alive.
        done(unsafe { sys::BN_mul(out, a.as_ptr(), b.as_ptr(), context) })?;
        Ok(product)
    }

    fn gcd(&self, a: &Number, b: &Number) -> Result<Number> {
        let mut divisor = Number::zero()?;
        let (out, context) = (divisor.as_mut_ptr(), self.0.as_ptr());
        // SAFETY: all numbers and the context are alive.
        done(unsafe { sys::BN_gcd(out, a.as_ptr(), b.as_ptr(), context) })?;
        Ok(divisor)
    }

    /// Quotient and remainder; an error where `b` is zero.
    fn divided(&self, a: &Number, b: &Number) -> Result<(Number, Number)> {
        let (mut quotient, mut remainder) = (Number::zero()?, Number::zero()?);
        // SAFETY: all numbers and the context are alive.
        let divided = unsafe {
            sys::BN_div(
                quotient.as_mut_ptr(),
                remainder.as_mut_ptr(),
                a.as_ptr(),
                b.as_ptr(),
                self.0.as_ptr(),
            )
        };
        done(divided).map_err(|_| Error::Key)?;
        Ok((quotient, remainder))
    }

    /// The square root of a square.
    fn root(&self, square: &Number) -> Result<Number> {
        let mut root = Number::zero()?;
        let (out, context) = (root.as_mut_ptr(), self.0.as_ptr());
        // SAFETY: both numbers and the context are alive.
        let found = done(unsafe { sys::BN_sqrt(out, square.as_ptr(), context) });
        found.map_err(|_| Error::Key)?;
        Ok(root)
    }
}

impl Drop for Arithmetic {
    fn drop(&mut self) {
        // SAFETY: it is ours; its numbers are erased.
        unsafe { sys::BN_CTX_free(self.0.as_ptr()) }
    }
}

fn sum(a: &Number, b: &Number) -> Result<Number> {
    let mut sum = Number::zero()?;
    // SAFETY: all numbers are alive.
    done(unsafe { sys::BN_add(sum.as_mut_ptr(), a.as_ptr(), b.as_ptr()) })?;
    Ok(sum)
}

/// a − b; an error where that is negative.
fn difference(a: &Number, b: &Number) -> Result<Number> {
    let mut difference = Number::zero()?;
    // SAFETY: all numbers are alive.
    done(unsafe { sys::BN_usub(difference.as_mut_ptr(), a.as_ptr(), b.as_ptr()) })
        .map_err(|_| Error::Key)?;
    Ok(difference)
}

fn half(number: Number) -> Result<Number> {
    let mut half = Number::zero()?;
    // SAFETY: both numbers are alive.
    done(unsafe { sys::BN_rshift1(half.as_mut_ptr(), number.as_ptr()) })?;
    Ok(half)
}

fn add_one(number: &mut Number) -> Result<()> {
    // SAFETY: the number is alive.
    done(unsafe { sys::BN_add_word(number.as_mut_ptr(), 1) })
}

fn subtract_one(number: &mut Number) -> Result<()> {
    // SAFETY: the number is alive.
    done(unsafe { sys::BN_sub_word(number.as_mut_ptr(), 1) })
}
