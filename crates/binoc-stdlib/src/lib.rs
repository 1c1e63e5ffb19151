//! The built-in comparators (tables, text, bytes) and renderers (Markdown, JSON).

mod align;
mod binary;
mod encoding;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod markdown;
mod table;
mod text;

use binoc_sdk::Plugin;

/// Return the built-in comparators and renderers; comparators are tried in this order.
pub fn plugin() -> Plugin {
    Plugin::new("stdlib", env!("CARGO_PKG_VERSION"))
        .comparator(table::Table)
        .comparator(text::Text)
        .comparator(binary::Binary)
        .renderer(markdown::Markdown)
        .renderer(json::Json)
}
