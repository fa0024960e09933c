//! The struct as the derive sees it: its columns, and the fields that are none.

use std::collections::HashMap;
use std::fmt::Write as _;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Data, DeriveInput, Fields, GenericParam, Generics, LitStr, Type, Visibility, WherePredicate,
    parse_quote,
};

use super::attributes::{DefaultValue, FieldAttributes, MessagePart, StructAttributes, TimestampFormat};
use crate::report::Report;

/// A column set has this many bits.
const MAX_COLUMNS: usize = 128;

/// A struct that derives `Schema`.
pub(crate) struct Row {
    pub(crate) ident: Ident,
    pub(crate) view_ident: Ident,
    pub(crate) vis: Visibility,
    /// With bounds on the columns' types.
    pub(crate) generics: Generics,
    pub(crate) columns: Vec<Column>,
    pub(crate) skipped: Vec<Skipped>,
}

/// A field that is a column.
pub(crate) struct Column {
    /// The place of its bit in a column set.
    pub(crate) index: Literal,
    pub(crate) ident: Ident,
    /// The name of its `Place`, and of the local variable that a decoder reads it into.
    pub(crate) place: Ident,
    pub(crate) vis: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) ty: Type,
    /// The external name.
    pub(crate) name: String,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) timestamp: Option<TimestampFormat>,
    pub(crate) kafka: Option<(MessagePart, LitStr)>,
}

/// A field that isn't a column.
pub(crate) struct Skipped {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) default: Option<DefaultValue>,
}

impl Row {
    /// Reads the struct, or reports why it can't be a row.
    pub(crate) fn parse(input: DeriveInput, report: &mut Report) -> Option<Self> {
        let mut fields = named_fields(&input, report)?;
        let (_, type_generics, _) = input.generics.split_for_impl();
        let ident = &input.ident;
        let mut naming = NameSelf(parse_quote!(#ident #type_generics));
        for field in &mut fields {
            naming.visit_type_mut(&mut field.ty);
        }
        let attributes = StructAttributes::parse(&input.attrs, report);
        let mut columns: Vec<Column> = Vec::new();
        let mut skipped = Vec::new();
        let mut names: HashMap<String, Ident> = HashMap::new();
        for field in fields {
            let Some(ident) = field.ident else { continue };
            let parsed = FieldAttributes::parse(&field.attrs, report);
            if parsed.skip {
                skipped.push(Skipped { ident, ty: field.ty, default: parsed.default });
                continue;
            }
            let name = match (&parsed.rename, attributes.rename_all) {
                (Some(rename), _) => rename.value(),
                (None, Some(case)) => case.apply(&ident.unraw().to_string()),
                (None, None) => ident.unraw().to_string(),
            };
            if let Some(first) = names.get(&name) {
                let message = format!("two columns are named `{name}`: this one and `{first}`");
                match &parsed.rename {
                    Some(rename) => report.error(rename, message),
                    None => report.error(&ident, message),
                }
            } else {
                names.insert(name.clone(), ident.clone());
            }
            if columns.len() == MAX_COLUMNS {
                report.error(
                    &ident,
                    format!("a schema has at most {MAX_COLUMNS} columns; group some in a struct of their own that derives `Schema`"),
                );
                return None;
            }
            columns.push(Column {
                index: Literal::usize_unsuffixed(columns.len()),
                place: format_ident!("__{}", ident.unraw(), span = Span::mixed_site()),
                vis: field.vis,
                docs: field.attrs.into_iter().filter(|attribute| attribute.path().is_ident("doc")).collect(),
                ty: field.ty,
                name,
                default: parsed.default,
                timestamp: parsed.timestamp.map(|(format, _)| format),
                kafka: parsed.kafka,
                ident,
            });
        }
        check_parts(&columns, report);
        if columns.is_empty() {
            report.error(&input.ident, "a schema needs at least one column");
            return None;
        }
        Some(Self {
            view_ident: format_ident!("{}View", input.ident.unraw(), span = input.ident.span()),
            generics: bounded(input.generics, &input.ident, &columns, &skipped),
            ident: input.ident,
            vis: input.vis,
            columns,
            skipped,
        })
    }

    /// Whether some columns are parts of a message.
    pub(crate) fn has_parts(&self) -> bool {
        self.columns.iter().any(|column| column.kafka.is_some())
    }

    /// The view's type for a lifetime.
    pub(crate) fn view_type(&self, lifetime: &TokenStream) -> TokenStream {
        let (view, arguments) = (&self.view_ident, self.parameters());
        quote!(#view<#lifetime #(, #arguments)*>)
    }

    /// The struct's parameters, as arguments.
    pub(crate) fn parameters(&self) -> Vec<TokenStream> {
        let argument = |param: &GenericParam| match param {
            GenericParam::Const(param) => param.ident.to_token_stream(),
            GenericParam::Type(param) => param.ident.to_token_stream(),
            GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
        };
        self.generics.params.iter().map(argument).collect()
    }

    /// The parameters that no column mentions, which the view has to mention all the same.
    pub(crate) fn unused_parameters(&self) -> Vec<&Ident> {
        let used = |ident: &Ident| self.columns.iter().any(|column| mentions(&column.ty, ident));
        self.generics.type_params().map(|param| &param.ident).filter(|ident| !used(ident)).collect()
    }
}

impl Column {
    /// The type of the column in the view.
    pub(crate) fn view_type(&self) -> TokenStream {
        let ty = &self.ty;
        quote_spanned!(ty.span()=> <#ty as ::stream_runtime::__private::Column>::View<'a>)
    }

    /// The column's type as the service wrote it.
    pub(crate) fn type_name(&self) -> String {
        compact(&self.ty.to_token_stream().to_string())
    }

    /// The column's name as a JSON key, with its quotes and the colon.
    pub(crate) fn json_key(&self) -> String {
        let mut key = String::from("\"");
        for char in self.name.chars() {
            match char {
                '"' => key.push_str("\\\""),
                '\\' => key.push_str("\\\\"),
                control if control < ' ' => {
                    // Writing to a `String` can't fail.
                    let _ = write!(key, "\\u{:04x}", u32::from(control));
                }
                other => key.push(other),
            }
        }
        key.push_str("\":");
        key
    }

    /// The name of the function that gives the value of a missing column.
    pub(crate) fn default_function(&self) -> Option<Ident> {
        let name = || format_ident!("{}_default", self.place, span = Span::mixed_site());
        self.default.as_ref().map(|_| name())
    }

    /// The column's `Place`.
    pub(crate) fn place(&self) -> TokenStream {
        let Self { index, place, ty, name, .. } = self;
        let key = self.json_key();
        let timestamps = self.timestamp.map(|format| {
            let format = match format {
                TimestampFormat::Rfc3339 => quote!(Rfc3339),
                TimestampFormat::Seconds => quote!(Seconds),
                TimestampFormat::Millis => quote!(Millis),
                TimestampFormat::Micros => quote!(Micros),
            };
            quote!(.timestamps(__private::TimestampFormat::#format))
        });
        let part = self.part().map(|part| quote!(.part(__private::MessagePart::#part)));
        quote!(const #place: __private::Place<#ty> = __private::Place::new(#index, #name, #key)#timestamps #part;)
    }

    /// The name of the part of a message that the column is, in `MessagePart`.
    fn part(&self) -> Option<Ident> {
        let (part, text) = self.kafka.as_ref()?;
        Some(format_ident!("{part:?}", span = text.span()))
    }

    /// The type that stands for that part.
    pub(crate) fn part_type(&self) -> Option<TokenStream> {
        let part = format_ident!("{}Part", self.part()?);
        Some(quote!(part::#part))
    }
}

impl DefaultValue {
    /// The call that gives the value.
    pub(crate) fn call(&self, ty: &Type) -> TokenStream {
        match self {
            Self::OfType => quote_spanned!(ty.span()=> <#ty as __private::Default>::default()),
            Self::Function(path) => quote_spanned!(path.span()=> #path()),
        }
    }
}

/// The fields of a struct with named fields, which is all that can be a row.
fn named_fields(input: &DeriveInput, report: &mut Report) -> Option<Vec<syn::Field>> {
    for lifetime in input.generics.lifetimes() {
        report.error(
            &lifetime.lifetime,
            "a schema owns its columns; write `String` instead of `&str`, and the view will borrow it",
        );
    }
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(fields.named.iter().cloned().collect()),
            Fields::Unnamed(fields) => {
                report.error(fields, "a schema's columns have names: write a struct with named fields");
                None
            }
            Fields::Unit => {
                report.error(&input.ident, "a schema needs at least one column");
                None
            }
        },
        Data::Enum(data) => {
            report.error(data.enum_token, "a row is a struct: `Schema` can't be derived for an enum");
            None
        }
        Data::Union(data) => {
            report.error(data.union_token, "a row is a struct: `Schema` can't be derived for a union");
            None
        }
    };
    named.filter(|_| input.generics.lifetimes().next().is_none())
}

/// Reports parts of a message that two columns are, and columns that would have to be taken from a value that is a column as a whole.
fn check_parts(columns: &[Column], report: &mut Report) {
    let parts = || columns.iter().filter_map(|column| Some((column, column.kafka.as_ref()?)));
    for (index, (column, (part, text))) in parts().enumerate() {
        if let Some((first, _)) = parts().take(index).find(|(_, (first, _))| first == part) {
            let (this, first) = (&column.ident, &first.ident);
            report.error(
                text,
                format!("two columns are the message's {}: `{first}` and `{this}`", text.value()),
            );
        }
    }
    let Some((whole, _)) = parts().find(|(_, (part, _))| *part == MessagePart::Value) else { return };
    for column in columns.iter().filter(|column| column.kafka.is_none()) {
        let message = format!(
            "`{}` is the message's whole value, so no other column can be read from it; move `{}` to a struct of its own and let \
             `{}` be one, or say with `kafka = \"…\"` what it is",
            whole.ident, column.ident, whole.ident
        );
        report.error(&column.ident, message);
    }
}

/// Adds what the generated code relies on: that every column's type is a `Column`, that every skipped field
/// whose type depends on a parameter has a `Default`, and that parameters no column mentions fit into a row.
///
/// The bounds on types without parameters are there for the errors: rustc reports a type that isn't a column at
/// the bound, once, and takes it for granted in the rest of the generated code.
fn bounded(mut generics: Generics, this: &Ident, columns: &[Column], skipped: &[Skipped]) -> Generics {
    let parameters: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    let depends = |ty: &Type| parameters.iter().any(|parameter| mentions(ty, parameter));
    let mut bounds: Vec<WherePredicate> = Vec::new();
    // For a struct that holds a list of itself such a bound would depend on itself.
    for ty in columns.iter().map(|column| &column.ty).filter(|ty| !mentions(ty, this)) {
        let column = quote_spanned!(ty.span()=> ::stream_runtime::__private::Column);
        bounds.push(parse_quote!(#ty: #column));
    }
    for ty in columns.iter().filter(|column| column.timestamp.is_some()).map(|column| &column.ty) {
        let timestamps = quote_spanned!(ty.span()=> ::stream_runtime::__private::HoldsTimestamps);
        bounds.push(parse_quote!(#ty: #timestamps));
    }
    for (part, ty) in columns.iter().filter_map(|column| Some((column.part_type()?, &column.ty))) {
        let in_message = quote_spanned!(ty.span()=>
            ::stream_runtime::__private::InMessage<::stream_runtime::__private::#part>);
        bounds.push(parse_quote!(#ty: #in_message));
    }
    for field in skipped.iter().filter(|field| field.default.is_none() && depends(&field.ty)) {
        let ty = &field.ty;
        bounds.push(parse_quote!(#ty: ::core::default::Default));
    }
    let unused = |parameter: &&Ident| !columns.iter().any(|column| mentions(&column.ty, parameter));
    for parameter in parameters.iter().filter(unused) {
        bounds.push(parse_quote!(#parameter: ::core::marker::Send + ::core::marker::Sync + 'static));
    }
    for bound in bounds {
        let predicates = &mut generics.make_where_clause().predicates;
        if !predicates.iter().any(|each| *each == bound) {
            predicates.push(bound);
        }
    }
    generics
}

/// Writes the struct's name where a field says `Self`, which is something else in the view.
struct NameSelf(Type);

impl VisitMut for NameSelf {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self") => *ty = self.0.clone(),
            _ => syn::visit_mut::visit_type_mut(self, ty),
        }
    }
}

/// Whether a type mentions a parameter or another type by its name.
pub(crate) fn mentions(ty: &Type, name: &Ident) -> bool {
    struct Mentions<'a> {
        name: &'a Ident,
        found: bool,
    }
    impl Visit<'_> for Mentions<'_> {
        fn visit_ident(&mut self, ident: &Ident) {
            self.found |= self.name == ident;
        }
    }
    let mut visitor = Mentions { name, found: false };
    visitor.visit_type(ty);
    visitor.found
}

/// Takes the spaces out of a printed type where Rust's style has none.
fn compact(tokens: &str) -> String {
    let mut text = String::new();
    let mut chars = tokens.chars().peekable();
    while let Some(char) = chars.next() {
        let word = |char: char| char.is_alphanumeric() || char == '_' || char == '\'';
        let keep = char != ' '
            || matches!(text.chars().last(), Some(',' | ';' | '+' | '='))
            || text.chars().last().is_some_and(word) && chars.peek().copied().is_some_and(word);
        if keep {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn types_are_printed_as_they_are_written() {
        let ty: syn::Type = syn::parse_quote!(Option<Vec<(u8, &'static dyn Send)>>);
        let printed = quote::ToTokens::to_token_stream(&ty).to_string();
        assert_eq!(compact(&printed), "Option<Vec<(u8, &'static dyn Send)>>");
    }
}
