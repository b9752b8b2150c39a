//! Values of which every thread has its own, as long as there are no more threads than values: what
//! all threads write again and again must not stand in one cache line.

/// How many there are.
pub(crate) const STRIPES: usize = 16;

/// One value for each thread, more or less; any thread may use any of them.
pub(crate) struct Stripes<T>([Stripe<T>; STRIPES]);

#[repr(align(128))]
struct Stripe<T>(T);

impl<T> Stripes<T> {
    /// What `value` makes for each number.
    pub(crate) fn new(value: impl Fn(usize) -> T) -> Self {
        Self(std::array::from_fn(|number| Stripe(value(number))))
    }

    /// The calling thread's value.
    pub(crate) fn mine(&self) -> &T {
        let [first, ..] = &self.0;
        &self.0.get(mine()).unwrap_or(first).0
    }

    /// The value of this number.
    pub(crate) fn get(&self, number: usize) -> &T {
        let [first, ..] = &self.0;
        &self.0.get(number).unwrap_or(first).0
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|stripe| &stripe.0)
    }
}

/// The number of the calling thread's values.
pub(crate) fn mine() -> usize {
    crypto::thread::number() % STRIPES
}
