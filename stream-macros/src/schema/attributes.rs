//! `#[schema(…)]` on the struct and on its fields.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Token};

use super::case::Case;
use crate::report::Report;

const ON_STRUCT: &str = "`rename_all = \"…\"`";
const ON_FIELD: &str =
    "`rename = \"…\"`, `default`, `default = \"path\"`, `skip`, `timestamp = \"…\"` and `kafka = \"…\"`";

/// `#[schema(…)]` on the struct.
#[derive(Default)]
pub(crate) struct StructAttributes {
    pub(crate) rename_all: Option<Case>,
}

/// `#[schema(…)]` on a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) rename: Option<LitStr>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) skip: bool,
    pub(crate) timestamp: Option<(TimestampFormat, LitStr)>,
    pub(crate) kafka: Option<(MessagePart, LitStr)>,
}

/// The part of a Kafka message that a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessagePart {
    MessageKey,
    Value,
    Topic,
    Partition,
    Offset,
    Time,
    TimeType,
    Headers,
}

impl MessagePart {
    const ALL: [(&str, Self); 8] = [
        ("key", Self::MessageKey),
        ("value", Self::Value),
        ("topic", Self::Topic),
        ("partition", Self::Partition),
        ("offset", Self::Offset),
        ("timestamp", Self::Time),
        ("timestamp_type", Self::TimeType),
        ("headers", Self::Headers),
    ];
}

/// Where the value of a missing column comes from.
pub(crate) enum DefaultValue {
    /// The type's own `Default`.
    OfType,
    /// A function of the service.
    Function(ExprPath),
}

/// How a column's timestamps are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampFormat {
    Rfc3339,
    Seconds,
    Millis,
    Micros,
}

impl StructAttributes {
    pub(crate) fn parse(attributes: &[Attribute], report: &mut Report) -> Self {
        let mut parsed = Self::default();
        for meta in schema_items(attributes, report) {
            if !meta.path().is_ident("rename_all") {
                report.error(meta.path(), unknown(&meta, ON_STRUCT, "a struct"));
                continue;
            }
            let Some(text) = text_value(&meta, report) else { continue };
            if let Some(case) = Case::parse(&text.value()) {
                set(&mut parsed.rename_all, case, &meta, report);
            } else {
                let known: Vec<_> = Case::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
                report.error(&text, format!("unknown case; `rename_all` takes {}", known.join(", ")));
            }
        }
        parsed
    }
}

impl FieldAttributes {
    pub(crate) fn parse(attributes: &[Attribute], report: &mut Report) -> Self {
        let mut parsed = Self::default();
        for meta in schema_items(attributes, report) {
            let path = meta.path();
            if path.is_ident("rename") {
                if let Some(name) = text_value(&meta, report) {
                    set(&mut parsed.rename, name, &meta, report);
                }
            } else if path.is_ident("default") {
                if let Some(default) = parse_default(&meta, report) {
                    set(&mut parsed.default, default, &meta, report);
                }
            } else if path.is_ident("skip") {
                match &meta {
                    Meta::Path(_) if parsed.skip => report.error(&meta, "`skip` is given twice"),
                    Meta::Path(_) => parsed.skip = true,
                    _ => report.error(&meta, "`skip` takes no value"),
                }
            } else if path.is_ident("timestamp") {
                if let Some(format) = parse_timestamp(&meta, report) {
                    set(&mut parsed.timestamp, format, &meta, report);
                }
            } else if path.is_ident("kafka") {
                if let Some(part) = parse_part(&meta, report) {
                    set(&mut parsed.kafka, part, &meta, report);
                }
            } else {
                report.error(path, unknown(&meta, ON_FIELD, "a field"));
            }
        }
        if let (Some((_, part)), Some(_)) = (&parsed.kafka, &parsed.default) {
            report.error(
                part,
                "a part of a message has no default: write `Option` for a key or value that may be missing",
            );
        }
        if parsed.skip {
            if let Some(name) = parsed.rename.take() {
                report.error(&name, "a skipped field is no column, so it has no name to change");
            }
            if let Some((_, format)) = parsed.timestamp.take() {
                report.error(&format, "a skipped field is no column, so it has no timestamp format");
            }
            if let Some((_, part)) = parsed.kafka.take() {
                report.error(&part, "a skipped field is no column, so it is no part of a message");
            }
        }
        parsed
    }
}

/// The items of every `#[schema(…)]`.
fn schema_items(attributes: &[Attribute], report: &mut Report) -> Vec<Meta> {
    let mut items = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("schema")) {
        match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(metas) => items.extend(metas),
            Err(error) => report.push(error),
        }
    }
    items
}

fn unknown(meta: &Meta, known: &str, place: &str) -> String {
    let name = meta.path().to_token_stream().to_string().replace(' ', "");
    format!("unknown attribute `{name}`; `#[schema(…)]` on {place} takes {known}")
}

fn set<T>(place: &mut Option<T>, value: T, meta: &Meta, report: &mut Report) {
    if place.is_some() {
        let name = meta.path().to_token_stream();
        report.error(meta, format!("`{name}` is given twice"));
    } else {
        *place = Some(value);
    }
}

/// The text of `name = "text"`.
fn text_value(meta: &Meta, report: &mut Report) -> Option<LitStr> {
    if let Meta::NameValue(pair) = meta
        && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
    {
        return Some(text.clone());
    }
    let name = meta.path().to_token_stream();
    report.error(meta, format!("`{name}` takes a text: `{name} = \"…\"`"));
    None
}

fn parse_default(meta: &Meta, report: &mut Report) -> Option<DefaultValue> {
    if matches!(meta, Meta::Path(_)) {
        return Some(DefaultValue::OfType);
    }
    let text = text_value(meta, report)?;
    let Ok(path) = text.parse::<ExprPath>() else {
        report.error(&text, "`default` takes the path of a function, such as `default = \"unknown_page\"`");
        return None;
    };
    Some(DefaultValue::Function(path))
}

fn parse_timestamp(meta: &Meta, report: &mut Report) -> Option<(TimestampFormat, LitStr)> {
    let text = text_value(meta, report)?;
    let format = match text.value().as_str() {
        "rfc3339" => TimestampFormat::Rfc3339,
        "seconds" => TimestampFormat::Seconds,
        "millis" => TimestampFormat::Millis,
        "micros" => TimestampFormat::Micros,
        _ => {
            report.error(
                &text,
                "unknown format; `timestamp` takes `rfc3339`, or `seconds`, `millis` or `micros` since the epoch",
            );
            return None;
        }
    };
    Some((format, text))
}

fn parse_part(meta: &Meta, report: &mut Report) -> Option<(MessagePart, LitStr)> {
    let text = text_value(meta, report)?;
    let name = text.value();
    let part = MessagePart::ALL.iter().find(|(known, _)| *known == name);
    if part.is_none() {
        let known: Vec<_> = MessagePart::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        report.error(&text, format!("unknown part of a message; `kafka` takes {}", known.join(", ")));
    }
    part.map(|(_, part)| (*part, text))
}
