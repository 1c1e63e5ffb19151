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

#[cfg(test)]
mod tests {
    use super::*;
    use binoc_sdk::{Comparator, Plugin, Result};
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    /// A comparator that runs a function.
    struct Stub(&'static str, bool, fn(&CompareRequest) -> Result<Outcome>);

    impl Comparator for Stub {
        fn describe(&self) -> ComparatorInfo {
            let info = ComparatorInfo::new(self.0).with_extensions(["csv"]);
            if self.1 { info.with_any() } else { info }
        }

        fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
            self.2(request)
        }
    }

    fn changed(kind: &str) -> Result<Outcome> {
        let mut node = Node::new("changed", kind, "");
        node.push("content", Fact::new("test", "changed"));
        Ok(Outcome::changed(node))
    }

    /// Compare two versions of `x.csv` and return the item type and the severity of each message.
    fn compare_with(test: &str, comparators: Vec<Stub>) -> (String, Vec<(Severity, String)>) {
        let root = std::env::temp_dir().join(format!("binoc-compare-{}-{test}", std::process::id()));
        let mut sides = [PathBuf::new(), PathBuf::new()];
        for (side, content) in ["a", "b"].into_iter().zip(0..) {
            sides[content] = root.join(side);
            fs::create_dir_all(&sides[content]).unwrap();
            fs::write(sides[content].join("x.csv"), content.to_string()).unwrap();
        }
        let plugin = comparators.into_iter().fold(Plugin::new("test", "1.0"), Plugin::comparator);
        let registry = Registry::new(plugin, &[]);
        let [from, to] = sides;
        let changeset =
            crate::diff(&from, &to, &registry, &CompareOptions::default(), &crate::Limits::default())
                .unwrap();
        fs::remove_dir_all(root).unwrap();
        let messages = changeset.diagnostics.into_iter().map(|it| (it.severity, it.message)).collect();
        (changeset.changes[0].item_type.clone(), messages)
    }

    #[test]
    fn reason_of_a_skip_is_an_error_if_only_bytes_were_compared() {
        let skip: fn(&CompareRequest) -> Result<Outcome> = |_| Ok(Outcome::skip_because("too odd"));
        for (kind, expected) in [("text", Severity::Note), ("binary", Severity::Error)] {
            let last: fn(&CompareRequest) -> Result<Outcome> =
                if kind == "text" { |_| changed("text") } else { |_| changed("binary") };
            let (found, messages) = compare_with(
                &format!("skip-{kind}"),
                vec![Stub("table", false, skip), Stub("last", true, last)],
            );
            assert_eq!((found.as_str(), messages.len()), (kind, 1));
            assert_eq!(messages[0].0, expected);
            assert!(messages[0].1.contains("`table`: too odd"), "{messages:?}");
        }
    }

    #[test]
    fn file_that_no_comparator_supports_is_an_error() {
        let skip: fn(&CompareRequest) -> Result<Outcome> = |_| Ok(Outcome::skip());
        let (kind, messages) = compare_with("none", vec![Stub("table", false, skip)]);
        assert_eq!(kind, "file");
        assert!(matches!(messages[..], [(Severity::Error, _)]), "{messages:?}");
    }

    #[test]
    fn file_that_changes_during_the_comparison_is_an_error() {
        let append: fn(&CompareRequest) -> Result<Outcome> = |request| {
            fs::write(&request.right.local, "longer").unwrap();
            changed("text")
        };
        let touch: fn(&CompareRequest) -> Result<Outcome> = |request| {
            let file = fs::File::options().append(true).open(&request.right.local).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
            changed("text")
        };
        let remove: fn(&CompareRequest) -> Result<Outcome> = |request| {
            fs::remove_file(&request.right.local).unwrap();
            changed("text")
        };
        for (test, modify) in [("append", append), ("touch", touch), ("remove", remove)] {
            let (_, messages) = compare_with(test, vec![Stub("text", true, modify)]);
            let [(Severity::Error, message)] = &messages[..] else { panic!("{test}: {messages:?}") };
            assert!(message.contains("newer snapshot"), "{message}");
        }
    }

    #[test]
    fn messages_do_not_depend_on_the_working_directory() {
        let fail: fn(&CompareRequest) -> Result<Outcome> =
            |request| Err(Error::io(&request.right.local, std::io::Error::other("damaged")));
        let (_, messages) = compare_with("path", vec![Stub("table", false, fail)]);
        assert!(messages[0].1.ends_with(": `b/x.csv`: damaged"), "{messages:?}");
    }
}
