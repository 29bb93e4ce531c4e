//! SplitMix64 (Steele, Lea, Flood 2014): a generator of our own, so that a seed gives the same people for ever.

/// A stream of pseudo-random numbers; never for secrets.
pub struct Prng(u64);

impl Prng {
    /// The stream numbered `stream` of a seed; streams are independent of one another.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut first = Self(seed);
        let mut second = Self(first.next() ^ stream.wrapping_mul(0xD134_2543_DE82_EF95));
        Self(second.next())
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) + 1;
        // The upper half of a 128-bit product: no bias that matters at these spans.
        let offset = (u128::from(self.next()) * u128::from(span)) >> 64;
        low + offset as i64
    }

    /// True in about `percent` cases of a hundred.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One item of a list that is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.between(0, list.len() as i64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // First outputs of SplitMix64 from the state 1234567.
        let mut prng = Prng(1_234_567);
        assert_eq!(prng.next(), 6_457_827_717_110_365_317);
        assert_eq!(prng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_are_kept() {
        let mut prng = Prng::new(1, 2);
        let drawn: Vec<i64> = (0..1000).map(|_| prng.between(-2, 2)).collect();
        assert!(drawn.iter().all(|n| (-2..=2).contains(n)) && drawn.contains(&-2) && drawn.contains(&2));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&prng.unit())));
    }
}
