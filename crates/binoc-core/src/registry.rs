//! The registry of comparators and renderers, built-in and from plugins.

use std::path::PathBuf;

use binoc_sdk::{
    Changeset, Comparator, ComparatorInfo, Diagnostic, Error, Plugin, Renderer, RendererInfo, Result,
    Severity, show,
};

use crate::native;

/// A plugin to open: its name, and the path of its library or the reason why there is none.
#[derive(Debug, Clone)]
pub struct PluginSource {
    /// The name of the entry point, or the path that the user gave.
    pub name: String,
    /// The path of the shared library, or the reason why it was not found.
    pub library: Result<PathBuf, String>,
}

impl PluginSource {
    /// Create a source from the path of a library.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.to_string_lossy().into_owned(), library: Ok(path) }
    }
}

/// A report about loading a plugin.
#[derive(Debug, Clone, Default)]
pub struct PluginReport {
    /// The name of the [`PluginSource`].
    pub name: String,
    /// The plugin's name and version and the version of its SDK; `None` if it was not loaded.
    pub identity: Option<String>,
    /// The comparators and renderers, as text.
    pub offers: Vec<String>,
    /// The reasons why the plugin or a part of it was refused.
    pub refusals: Vec<String>,
}

/// The available comparators and renderers.
#[derive(Default)]
pub struct Registry {
    comparators: Vec<(ComparatorInfo, Box<dyn Comparator>)>,
    renderers: Vec<(RendererInfo, Box<dyn Renderer>)>,
    reports: Vec<PluginReport>,
}

impl Registry {
    /// Open `plugins`. Their comparators are tried before those of `builtin`.
    pub fn new(builtin: Plugin, plugins: &[PluginSource]) -> Self {
        let mut registry = Self::default();
        for renderer in builtin.renderers {
            registry.renderers.push((renderer.describe(), renderer));
        }
        let mut plugins: Vec<_> = plugins.iter().collect();
        // The result must not depend on the order of discovery.
        plugins.sort_by(|a, b| (&a.name, &a.library).cmp(&(&b.name, &b.library)));
        plugins.dedup_by(|a, b| a.library.is_ok() && a.library == b.library);
        for source in plugins {
            let report = registry.load(source);
            registry.reports.push(report);
        }
        for comparator in builtin.comparators {
            registry.comparators.push((comparator.describe(), comparator));
        }
        registry
    }

    fn load(&mut self, source: &PluginSource) -> PluginReport {
        let mut report = PluginReport { name: source.name.clone(), ..PluginReport::default() };
        let library = source.library.clone().map_err(Error::new);
        let loaded = library.and_then(|path| native::load(native::open(&path)?)).and_then(|native| {
            let known =
                self.reports.iter().any(|report| report.identity.is_some() && report.name == source.name);
            if known { Err(Error::new("another plugin has this name")) } else { Ok(native) }
        });
        let native = match loaded {
            Ok(native) => native,
            Err(error) => {
                report.refusals.push(error.to_string());
                return report;
            }
        };
        let about = native.description;
        report.identity =
            Some(format!("{} {}, built with binoc-sdk {}", about.name, about.version, about.sdk));
        report.refusals = native.refusals;
        for comparator in native.comparators {
            let info = comparator.describe();
            report.offers.push(offer(&info));
            self.comparators.push((info, comparator));
        }
        for renderer in native.renderers {
            let info = renderer.describe();
            if self.renderers.iter().any(|(known, _)| known.name == info.name) {
                report.refusals.push(format!("renderer `{}`: another renderer has this name", info.name));
            } else {
                report.offers.push(format!("renderer `{}` (.{})", info.name, info.extension));
                self.renderers.push((info, renderer));
            }
        }
        report
    }

    pub(crate) fn comparators(&self) -> impl Iterator<Item = (&ComparatorInfo, &dyn Comparator)> {
        self.comparators.iter().map(|(info, comparator)| (info, &**comparator))
    }

    /// Return one report for each plugin, sorted by name.
    pub fn reports(&self) -> &[PluginReport] {
        &self.reports
    }

    /// Return an error for each refusal, because a changeset may be incomplete without the plugin.
    pub fn refusals(&self) -> impl Iterator<Item = Diagnostic> {
        self.reports.iter().flat_map(|report| {
            let message = |why| format!("plugin `{}` refused: {why}", report.name);
            report.refusals.iter().map(move |why| Diagnostic::general(Severity::Error, message(why)))
        })
    }

    /// Return the values of `--format`.
    pub fn formats(&self) -> Vec<&str> {
        self.renderers.iter().map(|(info, _)| info.name.as_str()).collect()
    }

    /// Return the format of files with this extension.
    pub fn format_of(&self, extension: &str) -> Option<&str> {
        let mut formats =
            self.renderers.iter().filter(|(info, _)| info.extension.eq_ignore_ascii_case(extension));
        formats.next().map(|(info, _)| info.name.as_str())
    }

    /// Return an error if the format is unknown.
    pub fn check_format(&self, format: &str) -> Result<()> {
        self.renderer(format).map(|_| ())
    }

    /// Return the changeset in this format.
    pub fn render(&self, format: &str, changeset: &Changeset) -> Result<String> {
        let rendered = self.renderer(format)?.render(changeset);
        rendered.map_err(|error| Error::with_source(format!("format `{format}`: {error}"), error))
    }

    fn renderer(&self, format: &str) -> Result<&dyn Renderer> {
        let renderer = self.renderers.iter().find(|(info, _)| info.name == format);
        renderer.map(|(_, renderer)| &**renderer).ok_or_else(|| {
            let known: Vec<_> = self.formats().iter().map(|name| format!("`{name}`")).collect();
            Error::new(format!("unknown format `{format}`; use one of: {}", known.join(", ")))
        })
    }
}

/// Return the line that `binoc plugins` prints for a comparator.
fn offer(info: &ComparatorInfo) -> String {
    let extensions: Vec<_> = info.extensions.iter().map(|extension| format!(".{extension}")).collect();
    match (info.any, extensions.is_empty()) {
        (true, _) => format!("comparator `{}` (any file)", show::clip(&info.name)),
        (_, true) => format!("comparator `{}` (by content)", show::clip(&info.name)),
        _ => format!("comparator `{}` ({})", show::clip(&info.name), extensions.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::path::Path;

    struct Failing;

    impl Renderer for Failing {
        fn describe(&self) -> RendererInfo {
            RendererInfo::new("failing", "txt")
        }

        fn render(&self, _: &Changeset) -> Result<String> {
            Err(Error::io(Path::new("template"), std::io::Error::from_raw_os_error(2)))
        }
    }

    #[test]
    fn rendering_error_keeps_its_source() {
        let registry = Registry::new(Plugin::new("test", "1.0").renderer(Failing), &[]);
        let error = registry.render("failing", &Changeset::new("a", "b")).unwrap_err();
        assert!(error.to_string().starts_with("format `failing`: `template`: "), "{error}");
        let source = error.source().unwrap().source().unwrap();
        assert_eq!(source.downcast_ref::<std::io::Error>().unwrap().raw_os_error(), Some(2));
    }
}
