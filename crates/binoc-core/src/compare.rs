//! Comparison of a pair of files by the first comparator that supports them.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use binoc_sdk::{
    ComparatorInfo, CompareOptions, CompareRequest, Diagnostic, Error, Fact, Node, Outcome, Result, Severity,
    Side, abi,
};

use crate::registry::Registry;

/// The number of bytes that are read to recognise a file.
const SNIFF: u64 = 64;

pub(crate) fn compare(
    registry: &Registry,
    options: &CompareOptions,
    path: &str,
    left: &Side,
    right: &Side,
) -> Result<(Node, Vec<Diagnostic>)> {
    let mut notes = Vec::new();
    let heads = [head(left)?, head(right)?];
    let request = CompareRequest::new(path, left.clone(), right.clone()).with_options(options.clone());
    for (info, comparator) in registry.comparators() {
        if !takes(info, path, &heads) {
            continue;
        }
        // A panic on one file must not abort the whole comparison.
        let result = catch_unwind(AssertUnwindSafe(|| comparator.compare(&request)))
            .unwrap_or_else(|panic| Err(Error::new(format!("panicked: {}", abi::panic_text(&*panic)))));
        let name = &info.name;
        match result {
            Ok(Outcome::Changed { node, diagnostics, .. }) => {
                notes.extend(diagnostics.into_iter().map(|it| Diagnostic::at(it.severity, path, it.message)));
                return Ok((finish(*node, name, path), notes));
            }
            Ok(Outcome::Skipped { reason: None, .. }) => {}
            Ok(Outcome::Skipped { reason: Some(reason), .. }) => {
                notes.push(Diagnostic::at(
                    Severity::Note,
                    path,
                    format!("not compared by `{name}`: {reason}"),
                ));
            }
            Ok(other) => {
                let message = format!("comparator `{name}`: unknown outcome: {other:?}");
                notes.push(Diagnostic::at(Severity::Error, path, message));
            }
            Err(error) => {
                notes.push(Diagnostic::at(Severity::Error, path, format!("comparator `{name}`: {error}")));
            }
        }
    }
    let node = Node::new("changed", "file", path);
    Ok((finish(node, "binoc", path), notes))
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

fn head(side: &Side) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let read = File::open(&side.local).and_then(|file| file.take(SNIFF).read_to_end(&mut head));
    read.map_err(|error| Error::io(&side.local, error))?;
    Ok(head)
}
