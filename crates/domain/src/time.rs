//! Points in time as whole milliseconds since the Unix epoch, with arithmetic that saturates.
//!
//! The longest time-to-live a client may ask for is 315,576,000,000 seconds; saturation keeps that harmless.

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Later than every deadline.
    pub const NEVER: Time = Time(i64::MAX);

    /// The moment `ms` milliseconds later; `NEVER` instead of overflow.
    pub fn plus_ms(self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms))
    }

    /// The moment `s` seconds later; `NEVER` instead of overflow.
    pub fn plus_s(self, s: i64) -> Time {
        self.plus_ms(s.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` until this moment; negative when it is before.
    pub fn since_ms(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since the epoch, as some faces print times.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}
