//! [`Report`]: collects every mistake of one macro call, so that all of them are shown at once.
//!
//! Invariant: a report is always turned into tokens. One that is dropped unread loses an error, and panics in
//! tests.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Report {
    errors: Vec<syn::Error>,
    read: bool,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reports a mistake that `tokens` are underlined for.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports an error of the parser.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The texts so far, for tests of single rules.
    #[cfg(test)]
    pub(crate) fn texts(mut self) -> Vec<String> {
        self.read = true;
        self.errors.iter().map(ToString::to_string).collect()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_tokens(mut self) -> TokenStream {
        self.read = true;
        self.errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if cfg!(test) && !self.read && !self.errors.is_empty() && !std::thread::panicking() {
            panic!("errors were dropped unread: {:?}", self.errors);
        }
    }
}
