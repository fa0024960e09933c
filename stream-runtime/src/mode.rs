//! Output modes, as values and as types: which of its rows a query puts out in a batch.

/// An output mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only rows that are final.
    Append,
    /// Rows whose group changed in the batch.
    Update,
    /// The whole result in every batch.
    Complete,
}

impl Mode {
    /// The mode as the query writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Update => "update",
            Self::Complete => "complete",
        }
    }
}

/// An output mode as a type.
pub trait OutputMode: Send + Sync + 'static {
    /// The mode.
    const MODE: Mode;
}

/// `output append`.
#[derive(Debug)]
pub struct Append;
/// `output update`.
#[derive(Debug)]
pub struct Update;
/// `output complete`.
#[derive(Debug)]
pub struct Complete;

impl OutputMode for Append {
    const MODE: Mode = Mode::Append;
}
impl OutputMode for Update {
    const MODE: Mode = Mode::Update;
}
impl OutputMode for Complete {
    const MODE: Mode = Mode::Complete;
}
