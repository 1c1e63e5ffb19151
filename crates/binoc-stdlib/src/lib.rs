//! The formats that Binoc knows by itself: tables, text and bytes in, Markdown and JSON out.

mod align;
mod binary;
mod json;
mod markdown;
mod table;
mod text;

use binoc_sdk::Plugin;

/// The contributions of this crate, in the order in which they are asked.
pub fn plugin() -> Plugin {
    Plugin::new("stdlib", env!("CARGO_PKG_VERSION"))
        .comparator(table::Table)
        .comparator(text::Text)
        .comparator(binary::Binary)
        .renderer(markdown::Markdown)
        .renderer(json::Json)
}
