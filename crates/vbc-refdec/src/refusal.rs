//! What a reader refuses, and its limits (SPEC.md sections 0 and 11).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Corrupt,
    Unsupported,
    UnknownModel,
    BadModel,
    Limit,
}

/// A refusal: its kind, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Kind, pub String);

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

pub(crate) fn demand(condition: bool, kind: Kind, what: &str) -> Result<()> {
    if condition { Ok(()) } else { Err(Refusal(kind, what.to_owned())) }
}

pub(crate) fn require(condition: bool, what: &str) -> Result<()> {
    demand(condition, Kind::Corrupt, what)
}

pub(crate) fn within(what: &str, found: u64, limit: u64) -> Result<()> {
    demand(found <= limit, Kind::Limit, what)
}
