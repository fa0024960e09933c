//! Statements from outside must not overflow the stack, which would end the process.
//!
//! DataFusion walks through what a statement says by recursion, in part without a look at the stack. So statements aren't
//! deep without bound, and are planned on a stack that holds what is allowed; what is left to do over batches of rows needs little.

use std::pin::pin;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Result};

/// The most operators and keywords of a statement: each makes it deeper by one at most. The parser bounds parentheses.
const MOST: usize = 256;
/// The bytes of the stack. Pages that aren't touched take no memory.
const STACK: usize = 64 << 20;

/// Refuses a statement that may be too deep.
pub(super) fn check(statement: &str) -> Result<()> {
    // What can't be taken apart is for the parser to report.
    let tokens = Tokenizer::new(&GenericDialect {}, statement).tokenize().unwrap_or_default();
    let count = tokens.iter().filter(|token| deepens(token)).count();
    if count > MOST {
        return Err(Error::Sql {
            message: format!(
                "the statement has {count} operators and keywords, and may have {MOST}: make it several, or `IN (…)` of a chain of `OR`"
            ),
        });
    }
    Ok(())
}

fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => !matches!(word.keyword, Keyword::NoKeyword | Keyword::AS),
        Token::EOF
        | Token::Number(..)
        | Token::Char(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon => false,
        _ => true,
    }
}

/// Runs what only computes, and hardly ever waits, on a stack of its own.
pub(super) async fn on_deep_stack<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|context| stacker::grow(STACK, || future.as_mut().poll(context))).await
}
