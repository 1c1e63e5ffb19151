//! The Python extension of Binoc: the command and `binoc.diff`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use binoc_core::{Limits, PluginSource, Registry};
use binoc_sdk::CompareOptions;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    binoc,
    Error,
    PyException,
    "The snapshots cannot be compared, or the changeset cannot be rendered."
);

fn error(error: binoc_sdk::Error) -> PyErr {
    Error::new_err(error.to_string())
}

/// A plugin found by `binoc._discovery`: its name, the path of its library, and the reason if the library is missing.
type Plugin = (String, Option<PathBuf>, Option<String>);

fn sources(plugins: Vec<Plugin>) -> Vec<PluginSource> {
    let source = |(name, path, reason): Plugin| {
        let reason = reason.unwrap_or_else(|| "no library".into());
        PluginSource { name, library: path.ok_or(reason) }
    };
    plugins.into_iter().map(source).collect()
}

/// The changes from one snapshot to another; true if anything changed.
#[pyclass(frozen, module = "binoc")]
struct Changeset {
    inner: binoc_sdk::Changeset,
    registry: Arc<Registry>,
}

#[pymethods]
impl Changeset {
    /// The name of the older snapshot: the shortest end of its path that differs from that of the newer one.
    #[getter(from_snapshot)]
    fn older(&self) -> &str {
        &self.inner.from
    }

    /// The name of the newer snapshot: the shortest end of its path that differs from that of the older one.
    #[getter(to_snapshot)]
    fn newer(&self) -> &str {
        &self.inner.to
    }

    /// Whether all files could be compared.
    #[getter]
    fn complete(&self) -> bool {
        !self.inner.is_incomplete()
    }

    /// Return the report as Markdown.
    fn to_markdown(&self, py: Python<'_>) -> PyResult<String> {
        self.render(py, "markdown")
    }

    /// Return the changeset as JSON.
    fn to_json(&self) -> String {
        self.inner.to_json()
    }

    /// Return the report in the format `name`: `markdown`, `json`, or a format of a plugin.
    #[pyo3(signature = (name, /))]
    fn render(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        py.detach(|| self.registry.render(name, &self.inner)).map_err(error)
    }

    /// Return whether anything changed.
    fn __bool__(&self) -> bool {
        self.inner.is_changed()
    }

    /// Return the number of changed files.
    fn __len__(&self) -> usize {
        self.inner.changes.len()
    }

    fn __repr__(&self) -> String {
        let files = binoc_sdk::show::plural(self.inner.changes.len() as u64, "change");
        format!("<binoc.Changeset from {:?} to {:?}: {files}>", self.inner.from, self.inner.to)
    }
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the Python function has keyword arguments")]
fn diff(
    py: Python<'_>,
    older: PathBuf,
    newer: PathBuf,
    key: Vec<String>,
    keys: BTreeMap<String, Vec<String>>,
    examples: usize,
    memory: Option<String>,
    plugins: Vec<Plugin>,
) -> PyResult<Changeset> {
    py.detach(|| {
        let registry = Arc::new(binoc_cli::registry(sources(plugins), Vec::new()));
        let mut options = CompareOptions::default();
        (options.key, options.keys, options.examples) = (key, keys, examples);
        if let Some(size) = memory {
            options.memory = binoc_cli::parse_size(&size).map_err(error)?;
        }
        let inner =
            binoc_core::diff(&older, &newer, &registry, &options, &Limits::default()).map_err(error)?;
        Ok(Changeset { inner, registry })
    })
}

#[pyfunction]
fn run(py: Python<'_>, args: Vec<OsString>, plugins: Vec<Plugin>) -> u8 {
    py.detach(|| binoc_cli::run(args, sources(plugins)))
}

/// Convert a version from SemVer to PEP 440: `1.0.0-rc.1` to `1.0.0rc1`.
fn python_version(version: &str) -> String {
    ["alpha", "beta", "rc"].iter().fold(version.to_owned(), |version, stage| {
        let short = if *stage == "rc" { "rc" } else { &stage[..1] };
        version.replace(&format!("-{stage}."), short)
    })
}

#[pymodule]
fn _binoc(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", python_version(env!("CARGO_PKG_VERSION")))?;
    module.add("Error", module.py().get_type::<Error>())?;
    module.add_class::<Changeset>()?;
    module.add_function(wrap_pyfunction!(diff, module)?)?;
    module.add_function(wrap_pyfunction!(run, module)?)
}
