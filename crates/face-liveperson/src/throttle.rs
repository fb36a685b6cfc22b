//! The 429 of CREATE and SEND: requests that one account may make in a second. The vendor documents the answer and no
//! numbers, so it is off unless a number is set.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::id::TenantId;
use domain::time::Time;

/// Counts by account and second; one entry an account.
#[derive(Debug)]
pub struct Throttle {
    per_second_max: Option<u32>,
    counted: Mutex<HashMap<TenantId, (i64, u32)>>,
}

impl Throttle {
    pub fn new(per_second_max: Option<u32>) -> Throttle {
        Throttle { per_second_max, counted: Mutex::default() }
    }

    /// Counts a request; `false` when the account has had its share of this second.
    pub fn admit(&self, tenant: TenantId, now: Time) -> bool {
        let Some(most) = self.per_second_max else { return true };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, count) = counted.entry(tenant).or_insert((now.seconds(), 0));
        if *second != now.seconds() {
            (*second, *count) = (now.seconds(), 0);
        }
        *count = count.saturating_add(1);
        *count <= most
    }
}
