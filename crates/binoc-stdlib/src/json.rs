//! The JSON renderer.

use binoc_sdk::{Changeset, Renderer, RendererInfo, Result};

pub(crate) struct Json;

impl Renderer for Json {
    fn describe(&self) -> RendererInfo {
        RendererInfo::new("json", "json")
    }

    fn render(&self, changeset: &Changeset) -> Result<String> {
        Ok(changeset.to_json())
    }
}
