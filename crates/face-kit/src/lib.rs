//! What faces share beneath their wire forms. Nothing here knows a vendor.

pub mod buckets;

pub use buckets::Buckets;
