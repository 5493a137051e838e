//! JSON objects whose doc comments are their manual: the `schema!` macro makes a serde struct
//! and a list of its fields with type and text, from which the man page is printed and against
//! which the tests hold the output.

/// One field of a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDoc {
    /// Its key.
    pub name: &'static str,
    /// Its type: `string`, `number`, `boolean`, the name of an object, `array of T`, `T or null`.
    pub kind: String,
    /// What it says.
    pub doc: &'static str,
}

/// One kind of JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDoc {
    /// Its name in the manual.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its fields, in order of output.
    pub fields: Vec<FieldDoc>,
}

/// A type that has a name in JSON.
pub(super) trait JsonKind {
    /// The name.
    fn kind() -> String;
}

impl JsonKind for String {
    fn kind() -> String {
        "string".into()
    }
}

impl JsonKind for &'static str {
    fn kind() -> String {
        "string".into()
    }
}

impl JsonKind for bool {
    fn kind() -> String {
        "boolean".into()
    }
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl JsonKind for $t {
            fn kind() -> String {
                "number".into()
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i32 f64);

impl<T: JsonKind> JsonKind for Option<T> {
    fn kind() -> String {
        format!("{} or null", T::kind())
    }
}

impl<T: JsonKind> JsonKind for Vec<T> {
    fn kind() -> String {
        format!("array of {}", T::kind())
    }
}

/// Declares JSON objects: see the module's text.
macro_rules! schema {
    ($(
        $(#[doc = $doc:literal])+
        struct $name:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident: $kind:ty,)+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        pub(super) struct $name {
            $($(#[doc = $field_doc])+ pub(super) $field: $kind,)+
        }

        impl $crate::report::schema::JsonKind for $name {
            fn kind() -> String {
                stringify!($name).to_lowercase()
            }
        }

        impl $name {
            /// The object's manual.
            fn object_doc() -> $crate::report::schema::ObjectDoc {
                use $crate::report::schema::{FieldDoc, JsonKind as _, ObjectDoc};
                ObjectDoc {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    fields: vec![$(FieldDoc {
                        name: stringify!($field),
                        kind: <$kind>::kind(),
                        doc: concat!($($field_doc),+),
                    }),+],
                }
            }
        }
    )+

    /// Every JSON object, in the order of the manual.
    #[must_use]
    pub fn object_docs() -> Vec<$crate::report::schema::ObjectDoc> {
        vec![$($name::object_doc()),+]
    }};
}
pub(super) use schema;
