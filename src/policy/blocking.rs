//! How a muted name is answered.

use std::net::{Ipv4Addr, Ipv6Addr};

/// How a muted name is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The form of the answer.
    pub answer: BlockingAnswer,
    /// TTL of its records, seconds. Short, so that allowing a name takes effect.
    pub ttl: u32,
}

/// The form of the blocking answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockingAnswer {
    /// `0.0.0.0` and `::`; NODATA for every other type.
    Null,
    /// NXDOMAIN.
    NxDomain,
    /// NODATA.
    NoData,
    /// REFUSED.
    Refused,
    /// Addresses of the operator's choice; NODATA for every other type.
    Addresses {
        /// The answer to A; NODATA if none.
        ipv4: Option<Ipv4Addr>,
        /// The answer to AAAA; NODATA if none.
        ipv6: Option<Ipv6Addr>,
    },
}

impl Default for Blocking {
    fn default() -> Self {
        Self { answer: BlockingAnswer::Null, ttl: 10 }
    }
}
