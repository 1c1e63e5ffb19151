//! Comparison of a pair of files by the first comparator that supports them.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use binoc_sdk::{
    ComparatorInfo, CompareOptions, CompareRequest, Diagnostic, Error, Fact, Node, Outcome, Severity, abi,
};

use crate::content;
use crate::registry::Registry;
use crate::walk::{Entry, unreadable};

/// The number of bytes that are read to recognise a file.
const SNIFF: u64 = 64;

/// Compare two files. `shown` are the paths of both files in messages. Without a node, nothing was compared.
pub(crate) fn compare(
    registry: &Registry,
    options: &CompareOptions,
    path: &str,
    (left, right): (&Entry, &Entry),
    shown: &(String, String),
) -> (Option<Node>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let heads = match (head(left), head(right)) {
        (Ok(left), Ok(right)) => [left, right],
        (Err(reason), _) => {
            return (None, vec![error(path, format!("not compared: {reason} (in the older snapshot)"))]);
        }
        (_, Err(reason)) => {
            return (None, vec![error(path, format!("not compared: {reason} (in the newer snapshot)"))]);
        }
    };
    let node = dispatch(registry, options, path, (left, right), &heads, &mut diagnostics);
    for (entry, snapshot) in [(left, "older"), (right, "newer")] {
        if let Some(problem) = content::find_problem(entry) {
            diagnostics
                .push(error(path, format!("{problem} (in the {snapshot} snapshot); compare it again")));
        }
    }
    // Errors of the system name the path to read, which depends on the working directory.
    for (entry, shown) in [(left, &shown.0), (right, &shown.1)] {
        let local = format!("`{}`", entry.side.local.display());
        for diagnostic in &mut diagnostics {
            diagnostic.message = diagnostic.message.replace(&local, &format!("`{shown}`"));
        }
    }
    (Some(node), diagnostics)
}

fn dispatch(
    registry: &Registry,
    options: &CompareOptions,
    path: &str,
    (left, right): (&Entry, &Entry),
    heads: &[Vec<u8>; 2],
    diagnostics: &mut Vec<Diagnostic>,
) -> Node {
    let mut skipped = Vec::new();
    let request =
        CompareRequest::new(path, left.side.clone(), right.side.clone()).with_options(options.clone());
    for (info, comparator) in registry.comparators() {
        if !takes(info, path, heads) {
            continue;
        }
        // A panic on one file must not abort the whole comparison.
        let result = catch_unwind(AssertUnwindSafe(|| comparator.compare(&request)))
            .unwrap_or_else(|panic| Err(Error::new(format!("panicked: {}", abi::panic_text(&*panic)))));
        let name = &info.name;
        match result {
            Ok(Outcome::Changed { node, diagnostics: notes, .. }) => {
                let node = finish(*node, name, path);
                // A comparison of bytes is not a comparison of the content that another comparator expected.
                let severity = if node.item_type == "binary" { Severity::Error } else { Severity::Note };
                diagnostics.extend(skipped.into_iter().map(|reason| Diagnostic::at(severity, path, reason)));
                diagnostics.extend(notes.into_iter().map(|it| Diagnostic::at(it.severity, path, it.message)));
                return node;
            }
            Ok(Outcome::Skipped { reason: None, .. }) => {}
            Ok(Outcome::Skipped { reason: Some(reason), .. }) => {
                skipped.push(format!("not compared by `{name}`: {reason}"));
            }
            Ok(other) => {
                diagnostics.push(error(path, format!("comparator `{name}`: unknown outcome: {other:?}")));
            }
            Err(problem) => diagnostics.push(error(path, format!("comparator `{name}`: {problem}"))),
        }
    }
    diagnostics.extend(skipped.into_iter().map(|reason| error(path, reason)));
    diagnostics.push(error(path, "not compared: no comparator supports this file".into()));
    let mut node = Node::new("changed", "file", path);
    node.push("content", Fact::new("bytes.differ", "the bytes differ"));
    finish(node, "binoc", path)
}

fn error(path: &str, message: String) -> Diagnostic {
    Diagnostic::at(Severity::Error, path, message)
}

/// Set the fields that only the host determines, such as path and action.
fn finish(mut node: Node, comparator: &str, path: &str) -> Node {
    (node.path, node.source, node.similarity) = (path.into(), None, None);
    node.action = "changed".into();
    node.comparator = Some(comparator.into());
    if node.facts.is_empty() && node.children.is_empty() {
        node.push(
            "encoding",
            Fact::new("bytes.differ", "the bytes differ, but no difference in content was found"),
        );
    }
    node
}

fn takes(info: &ComparatorInfo, path: &str, heads: &[Vec<u8>; 2]) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    let by_extension =
        || extension.is_some_and(|end| info.extensions.iter().any(|known| end.eq_ignore_ascii_case(known)));
    let by_prefix = || {
        let all_begin = |prefix: &String| heads.iter().all(|head| head.starts_with(prefix.as_bytes()));
        info.prefixes.iter().any(|prefix| !prefix.is_empty() && all_begin(prefix))
    };
    info.any || by_extension() || by_prefix()
}

fn head(entry: &Entry) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();
    let read = content::open(entry)?.take(SNIFF).read_to_end(&mut head);
    read.map(|_| head).map_err(|error| unreadable(&error))
}
