//! The comparison of two snapshots: lists and pairs their files, calls comparators, and loads plugins.

mod compare;
mod limits;
mod native;
mod pair;
mod registry;
mod similar;
mod walk;

use std::path::Path;

use binoc_sdk::{Changeset, CompareOptions, Diagnostic, Error, Node, Result, Severity};

pub use limits::Limits;
pub use registry::{PluginReport, PluginSource, Registry};

use pair::Pairing;
use walk::Tree;

/// Compare two directories or two files.
///
/// The result depends only on the content of both snapshots and on the paths `from` and `to` as given.
pub fn diff(
    from: &Path,
    to: &Path,
    registry: &Registry,
    options: &CompareOptions,
    limits: &Limits,
) -> Result<Changeset> {
    let mut changeset = Changeset::new(from.to_string_lossy(), to.to_string_lossy());
    let is_dir = |path: &Path| {
        std::fs::metadata(path).map(|data| data.is_dir()).map_err(|error| Error::io(path, error))
    };
    let (left, right) = match (is_dir(from)?, is_dir(to)?) {
        (true, true) => (walk::directory(from, limits)?, walk::directory(to, limits)?),
        (false, false) => (walk::file(from)?, walk::file(to)?),
        (directory, _) => {
            let (from_kind, to_kind) = if directory { ("directory", "file") } else { ("file", "directory") };
            return Err(Error::new(format!(
                "`{}` is a {from_kind} but `{}` is a {to_kind}; give two directories or two files",
                from.display(),
                to.display()
            )));
        }
    };
    changeset.diagnostics.extend(registry.refusals());
    changeset.diagnostics.extend(walk::findings(&left, &right));
    run(&mut changeset, &left, &right, registry, options, limits);
    changeset.changes.sort_by(|a, b| (&a.path, &a.source).cmp(&(&b.path, &b.source)));
    changeset.diagnostics.sort();
    changeset.diagnostics.dedup();
    Ok(changeset)
}

fn run(
    changeset: &mut Changeset,
    left: &Tree,
    right: &Tree,
    registry: &Registry,
    options: &CompareOptions,
    limits: &Limits,
) {
    let Pairing { pairs, removed, added, findings } = pair::pair(left, right, limits);
    changeset.diagnostics.extend(findings);
    for pair in pairs {
        let (old, new) = (&left.files[&pair.left], &right.files[&pair.right]);
        let renamed = pair.left != pair.right;
        let mut node = Node::new("renamed", "file", &pair.right);
        if !pair.identical {
            match compare::compare(registry, options, &pair.right, old, new) {
                Ok((compared, notes)) => {
                    node = compared;
                    changeset.diagnostics.extend(notes);
                }
                Err(error) => {
                    changeset.diagnostics.push(Diagnostic::at(
                        Severity::Error,
                        &pair.right,
                        error.to_string(),
                    ));
                    continue;
                }
            }
        }
        if renamed {
            node.action = if left.single { "changed" } else { "renamed" }.into();
            node.source = Some(pair.left.clone());
            node.tags.insert("path".into());
            node.similarity = pair.similarity;
        }
        (node.bytes_before, node.bytes_after) = (Some(old.bytes), Some(new.bytes));
        if !(pair.identical && left.single) {
            changeset.changes.push(node);
        }
    }
    for name in removed {
        let mut node = Node::new("removed", "file", &name);
        node.bytes_before = Some(left.files[&name].bytes);
        changeset.changes.push(node);
    }
    for name in added {
        let mut node = Node::new("added", "file", &name);
        node.bytes_after = Some(right.files[&name].bytes);
        changeset.changes.push(node);
    }
}
