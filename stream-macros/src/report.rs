//! [`Report`]: collects a macro's errors, so that all independent ones come at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far. Dropping it with errors unread is a bug of the macro, and panics in debug builds.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: Vec<syn::Error>,
}

impl Report {
    /// Reports a mistake at the user's tokens.
    pub(crate) fn error(&mut self, at: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(at, message));
    }

    /// Reports an error that syn has found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The texts of the errors, for tests of a rule.
    #[cfg(test)]
    pub(crate) fn texts(mut self) -> Vec<String> {
        std::mem::take(&mut self.errors).iter().map(ToString::to_string).collect()
    }

    /// The errors as `compile_error!` calls, in the order in which they were found; nothing if there are none.
    pub(crate) fn finish(mut self) -> TokenStream {
        std::mem::take(&mut self.errors).iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        debug_assert!(
            self.errors.is_empty() || std::thread::panicking(),
            "errors were collected and never reported: {:?}",
            self.errors
        );
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn all_errors_are_reported() {
        let mut report = Report::default();
        report.push(syn::Error::new(Span::call_site(), "first"));
        report.error(quote::quote!(token), "second");
        let tokens = report.finish().to_string();
        assert!(tokens.contains("\"first\"") && tokens.contains("\"second\""), "{tokens}");
    }

    #[test]
    fn a_report_without_errors_is_empty() {
        assert!(Report::default().finish().is_empty());
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "never reported")]
    fn dropping_an_unread_report_panics() {
        Report::default().push(syn::Error::new(Span::call_site(), "lost"));
    }
}
