//! The comparison of two snapshots: lists and pairs their files, calls comparators, and loads plugins.

mod compare;
mod content;
mod directories;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod native;
mod pair;
mod parallel;
mod print;
mod registry;
mod similar;
mod tokens;
mod walk;

use std::borrow::Cow;
use std::path::Path;
use std::thread;

use binoc_sdk::{Changeset, CompareOptions, Diagnostic, Error, Example, Fact, Node, Result, Severity, show};

pub use limits::Limits;
pub use registry::{PluginReport, PluginSource, Registry};

use pair::{Link, Pair, Pairing};
use similar::Split;
use walk::Tree;

/// Files up to this size are compared in parallel, in bytes. Comparators may use several threads for larger files, and
/// the limit of the memory applies to each comparison.
const SMALL: u64 = 1 << 20;

/// Compare two directories or two files.
///
/// The result depends only on the content and the names of both snapshots, not on the working directory.
pub fn diff(
    from: &Path,
    to: &Path,
    registry: &Registry,
    options: &CompareOptions,
    limits: &Limits,
) -> Result<Changeset> {
    let is_dir = |path: &Path| {
        std::fs::metadata(path).map(|data| data.is_dir()).map_err(|error| Error::io(path, error))
    };
    let (from_is_dir, to_is_dir) = (is_dir(from)?, is_dir(to)?);
    if from_is_dir != to_is_dir {
        let kind = |is_dir| if is_dir { "directory" } else { "file" };
        return Err(Error::new(format!(
            "`{}` is a {} but `{}` is a {}; give two directories or two files",
            from.display(),
            kind(from_is_dir),
            to.display(),
            kind(to_is_dir)
        )));
    }
    let read = |path| if from_is_dir { walk::directory(path, limits) } else { walk::file(path) };
    let (left, right) = thread::scope(|scope| {
        let right = scope.spawn(|| read(to));
        (read(from), right.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (left, right) = (left?, right?);
    let (from, to) = walk::names(from, to)?;
    let mut changeset = Changeset::new(from, to);
    changeset.diagnostics.extend(registry.refusals());
    changeset.diagnostics.extend(walk::findings(&left, &right));
    let pairing = pair::pair(&left, &right);
    run(&mut changeset, pairing, &left, &right, registry, options);
    changeset.diagnostics.extend(unused_keys(&changeset, &left, &right, options));
    changeset.changes.sort_by(|a, b| (&a.path, &a.source, &a.action).cmp(&(&b.path, &b.source, &b.action)));
    changeset.diagnostics.sort();
    changeset.diagnostics.dedup();
    Ok(changeset)
}

fn run(
    changeset: &mut Changeset,
    pairing: Pairing,
    left: &Tree,
    right: &Tree,
    registry: &Registry,
    options: &CompareOptions,
) {
    let Pairing { pairs, directories, splits, removed, added, findings } = pairing;
    changeset.diagnostics.extend(findings);
    let compare = |pair: &Pair| {
        let names = (changeset.from.as_str(), changeset.to.as_str());
        compare_pair(pair, left, right, names, registry, options)
    };
    let size = |pair: &Pair| left.files[&pair.left].side.bytes.max(right.files[&pair.right].side.bytes);
    let (small, large): (Vec<Pair>, Vec<Pair>) =
        pairs.into_iter().partition(|pair| pair.identical || size(pair) <= SMALL);
    let mut results = parallel::map(&small, || (), |(), pair| compare(pair));
    results.extend(large.iter().map(compare));
    for (node, diagnostics) in results {
        changeset.changes.extend(node);
        changeset.diagnostics.extend(diagnostics);
    }
    for directory in directories {
        let path = |path: String| if path.is_empty() { ".".into() } else { path };
        let mut node = Node::new("renamed", "directory", path(directory.right));
        node.source = Some(path(directory.left));
        node.push("path", Fact::counted("files.unchanged", directory.unchanged, "file", "unchanged"));
        changeset.changes.push(node);
    }
    for name in removed {
        let mut node = Node::new("removed", "file", &name);
        node.bytes_before = Some(left.files[&name].side.bytes);
        changeset.changes.push(node);
    }
    for name in added {
        let mut node = Node::new("added", "file", &name);
        node.bytes_after = Some(right.files[&name].side.bytes);
        changeset.changes.push(node);
    }
    for split in splits {
        add_split(changeset, &split, options.examples);
    }
}

/// Return the node of a pair, if it changed, and the messages about its comparison.
fn compare_pair(
    pair: &Pair,
    left: &Tree,
    right: &Tree,
    snapshots: (&str, &str),
    registry: &Registry,
    options: &CompareOptions,
) -> (Option<Node>, Vec<Diagnostic>) {
    let (old, new) = (&left.files[&pair.left], &right.files[&pair.right]);
    let (mut node, mut diagnostics) = (Node::new("changed", "file", &pair.right), Vec::new());
    if pair.identical {
        if left.single || pair.link == Link::Place {
            return (None, diagnostics);
        }
    } else {
        let shown = match left.single {
            true => (snapshots.0.to_owned(), snapshots.1.to_owned()),
            false => (walk::join(snapshots.0, &pair.left), walk::join(snapshots.1, &pair.right)),
        };
        let options = &with_keys_of_source(options, &pair.left, &pair.right);
        let compared = compare::compare(registry, options, &pair.right, (old, new), &shown);
        diagnostics = compared.1;
        match compared.0 {
            Some(compared) => node = compared,
            None => return (None, diagnostics),
        }
    }
    (node.bytes_before, node.bytes_after) = (Some(old.side.bytes), Some(new.side.bytes));
    if pair.left != pair.right {
        node.source = Some(pair.left.clone());
        if !left.single {
            node.tags.insert("path".into());
        }
    }
    match &pair.link {
        Link::Place => {}
        Link::Rename(similarity) => {
            (node.action, node.similarity) = ("renamed".into(), *similarity);
        }
        Link::Successor(tokens, similarity) => {
            node.similarity = *similarity;
            let text = "takes the place of the older file; the names are the same except for";
            let examples = tokens.iter().map(|(old, new)| Example::change(old, new));
            node.facts.insert(0, Fact::new("file.successor", text).with_examples(examples));
        }
        Link::Copy(similarity) => {
            (node.action, node.similarity, node.bytes_before) = ("added".into(), *similarity, None);
        }
    }
    (Some(node), diagnostics)
}

/// Return the options with the keys of the older path of a file for its newer path.
fn with_keys_of_source<'a>(options: &'a CompareOptions, left: &str, right: &str) -> Cow<'a, CompareOptions> {
    let mut keys = Vec::new();
    for (table, columns) in options.keys.iter().filter(|_| left != right) {
        if table == left || table == walk::file_name(left) {
            keys.push((right.to_owned(), columns));
        } else if let Some(inner) = walk::below(left, table) {
            keys.push((walk::join(right, inner), columns));
        }
    }
    if keys.is_empty() {
        return Cow::Borrowed(options);
    }
    let mut options = options.clone();
    for (table, columns) in keys {
        options.keys.entry(table).or_insert_with(|| columns.clone());
    }
    Cow::Owned(options)
}

/// Add facts about a split or merge to the nodes of its files.
fn add_split(changeset: &mut Changeset, split: &Split, examples: usize) {
    let count = split.parts.len() as u64;
    let files = show::plural(count, "file");
    let (whole, part) = match split.merged {
        false => (
            Fact::new("file.split", format!("split into {files}")),
            Fact::new("file.split-from", "split from"),
        ),
        true => (
            Fact::new("file.merged", format!("merged from {files}")),
            Fact::new("file.merged-into", "merged into"),
        ),
    };
    let parts = split.parts.iter().take(examples).map(|part| {
        let lines = show::plural(part.lines, "line");
        let at = part.shared.map_or_else(|| lines.clone(), |shared| format!("{shared} of {lines}"));
        Example::value(&part.name).with_at(at)
    });
    let whole = whole.with_count(count).with_examples(parts);
    let part = part.with_examples([Example::value(&split.whole)]);
    for node in changeset.changes.iter_mut().filter(|node| node.item_type != "directory") {
        if node.path == split.whole {
            node.push("path", whole.clone());
        } else if split.parts.iter().any(|part| part.name == node.path) {
            node.push("path", part.clone());
        }
    }
}

/// Return a warning for each table in `keys` that is neither a file nor a table of a changed file.
fn unused_keys(
    changeset: &Changeset,
    left: &Tree,
    right: &Tree,
    options: &CompareOptions,
) -> Vec<Diagnostic> {
    let is_file = |name: &String| {
        [left, right].iter().any(|tree| {
            tree.files.contains_key(name) || tree.files.keys().any(|path| walk::file_name(path) == name)
        })
    };
    let is_part = |name: &String| {
        changeset.changes.iter().any(|node| {
            let names = || node.children.iter().flat_map(|child| [Some(&child.path), child.source.as_ref()]);
            let full = name.strip_prefix(node.path.as_str()).and_then(|rest| rest.strip_prefix('/'));
            names().flatten().any(|table| table == name || Some(table.as_str()) == full)
        })
    };
    // Nothing is known about the tables of an unchanged file.
    let in_unchanged_file = |name: &String| {
        let parents = name.match_indices('/').map(|(end, _)| &name[..end]);
        parents.into_iter().any(|path| {
            right.files.contains_key(path) && !changeset.changes.iter().any(|node| node.path == path)
        })
    };
    let names =
        options.keys.keys().filter(|name| !is_file(name) && !is_part(name) && !in_unchanged_file(name));
    names
        .map(|name| {
            let message =
                format!("key of table `{name}` not used: no file and no changed table has this name");
            Diagnostic::general(Severity::Warning, message)
        })
        .collect()
}
