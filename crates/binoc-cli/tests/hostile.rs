//! Hostile and odd inputs: the command must not panic, must stay within a limit of its memory, must exit with a
//! documented code, and must report what it did not compare.

// Failures of the setup may panic.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{env, fs};

use binoc_sdk::{Changeset, Node, Severity};

/// The limit of the address space in KiB, which includes the program and the stacks of its threads.
const ADDRESS_SPACE: u64 = 512 << 10;

/// A temporary directory with the snapshots `a` and `b`, which is removed at the end.
struct Pair(PathBuf);

impl Pair {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("binoc-hostile-{}-{count}", std::process::id()));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir_all(root.join("b")).unwrap();
        Self(root)
    }

    /// Create two snapshots of one file.
    fn of(name: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Self {
        Self::new().write(&format!("a/{name}"), old).write(&format!("b/{name}"), new)
    }

    fn write(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Run `binoc diff a b` and return the exit code and the printed report.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let output = self.command().args(["diff", "a", "b"]).args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{stderr}");
        let code = output.status.code().unwrap_or_else(|| panic!("{}: {stderr}", output.status));
        assert_eq!(code == 2, !stderr.is_empty(), "{code}: {stderr}");
        (code, String::from_utf8(output.stdout).unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_binoc"));
        if cfg!(target_os = "linux") {
            // The limit of the processor time, in seconds, ends a run that would not end.
            let script = format!("ulimit -v {ADDRESS_SPACE} && ulimit -t 300 && exec \"$0\" \"$@\"");
            command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_binoc")]);
            // Each thread can reserve an arena of 64 MiB of addresses, which is not memory.
            command.env("MALLOC_ARENA_MAX", "1");
        }
        command.current_dir(&self.0);
        command
    }

    /// Return the changeset; the exit code must follow from it.
    fn diff(&self) -> Changeset {
        let (code, json) = self.run(&["--format", "json", "--exit-code", "--memory", "64MiB"]);
        let changeset = Changeset::from_json(&json).unwrap();
        let expected = match changeset.is_incomplete() {
            true => 2,
            false => i32::from(changeset.is_changed()),
        };
        assert_eq!(code, expected, "{json}");
        changeset
    }

    /// Return the counts of the facts about the only changed file, which was compared completely.
    fn facts(&self) -> Vec<(String, u64)> {
        let changeset = self.diff();
        assert!(!changeset.is_incomplete(), "{:?}", changeset.diagnostics);
        let [node] = &changeset.changes[..] else { panic!("{changeset:?}") };
        counts(node)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn counts(node: &Node) -> Vec<(String, u64)> {
    node.facts.iter().filter_map(|fact| Some((fact.verb.clone(), fact.count?))).collect()
}

/// Return whether these are the counts of all changes of rows and cells.
fn has_only(facts: &[(String, u64)], expected: &[(&str, u64)]) -> bool {
    let changes = facts.iter().filter(|(verb, _)| verb.starts_with("rows.") || verb.starts_with("cells."));
    changes.map(|(verb, count)| (verb.as_str(), *count)).eq(expected.iter().copied())
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "{}", line(n)).unwrap();
        text
    })
}

#[test]
fn unclosed_quote_is_a_warning() {
    let rows = lines(20_000, |n| format!("{n},value {n}"));
    let pair =
        Pair::of("t.csv", format!("id,v\n{rows}"), format!("id,v\n{}", rows.replacen(",v", ",\"v", 1)));
    let changeset = pair.diff();
    assert!(changeset.diagnostics.iter().any(|finding| finding.severity == Severity::Warning));
    assert_eq!(counts(&changeset.changes[0])[0].1, 19_999, "{changeset:?}");
}

#[test]
fn table_of_100_000_columns_is_compared() {
    let header = (0..100_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let row = |first: &str, last: &str| format!("{first}{}{last}\n", ",".repeat(99_999));
    let table = |last: &str| format!("{header}\n{}{}", row("1", "x"), row("2", last));
    let facts = Pair::of("t.csv", table("y"), table("z")).facts();
    assert!(has_only(&facts, &[("cells.changed", 1)]), "{facts:?}");
}

#[test]
fn empty_lines_are_compared() {
    let empty = |count| "\n".repeat(count);
    let facts = Pair::of("t.txt", empty(50_000), empty(50_001)).facts();
    assert!(facts.contains(&("lines.added".into(), 1)), "{facts:?}");
    let changeset = Pair::of("t.csv", empty(1_000_000), empty(1_000_001)).diff();
    assert!(!changeset.is_incomplete() && changeset.is_changed());
}

#[test]
fn row_of_4_mib_is_compared() {
    let cell = "0123456789abcdef".repeat(4 << 16);
    let table = |end: &str| format!("id,v\n1,{cell}{end}\n2,x\n");
    let facts = Pair::of("t.csv", table("y"), table("z")).facts();
    assert!(has_only(&facts, &[("cells.changed", 1)]), "{facts:?}");
}

#[test]
fn only_delimiters_are_compared() {
    for line in [",,,,,\n", ";;\n", "\t\n", "|||\n", "\"\"\n", "\"\n"] {
        let changeset = Pair::of("t.csv", line.repeat(1000), line.repeat(1001)).diff();
        assert!(changeset.is_changed() && !changeset.is_incomplete(), "{line:?}: {changeset:?}");
    }
}

#[test]
fn bytes_that_are_not_text_are_compared() {
    let zeros = vec![0; 1 << 20];
    let mut one = zeros.clone();
    one[1 << 19] = 1;
    let invalid: Vec<u8> = (0..200_000).map(|n| 0x80 | (n * 31 % 127) as u8).collect();
    let mut edited = invalid.clone();
    edited[70_000] ^= 1;
    for (old, new) in [(&zeros, &one), (&invalid, &edited)] {
        for name in ["t.csv", "t.tsv", "t.txt", "t"] {
            let changeset = Pair::of(name, old, new).diff();
            assert!(changeset.is_changed(), "{name}");
        }
    }
}

#[test]
fn truncated_utf_16_is_compared() {
    let text = lines(100, |n| format!("{n},v{n}"));
    let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let whole = [&[0xff, 0xfe][..], &units(&text)].concat();
    for name in ["t.csv", "t.txt"] {
        // In the middle of a unit, and between the two units of a character.
        for end in [whole.len() - 1, whole.len() - 3, 3, 2] {
            assert!(Pair::of(name, &whole, &whole[..end]).diff().is_changed(), "{name} {end}");
            assert!(Pair::of(name, &whole[..end], &whole).diff().is_changed(), "{name} {end}");
        }
        let half = [&whole[..], &[0x3d, 0xd8]].concat();
        assert!(Pair::of(name, &whole, half).diff().is_changed(), "{name}");
    }
}

#[test]
fn file_without_content_is_compared() {
    let contents: [&[u8]; 8] =
        [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\n", b"\"", b"a,b\n", b"\xef\xbb\xbfa,b"];
    for name in ["t.csv", "t.tsv", "t.txt", "t.json", "t.bin"] {
        for old in contents {
            for new in contents.iter().filter(|new| **new != old).step_by(3) {
                assert!(Pair::of(name, old, new).diff().is_changed(), "{name} {old:?} {new:?}");
            }
        }
    }
}

#[test]
fn name_of_5_000_columns_is_compared() {
    let row = |cell: &str| format!("{}\n", vec![cell; 5_000].join(","));
    let table = |cell: &str| format!("{}{}{}{}", row("x"), row("1"), row(cell), row("3"));
    let facts = Pair::of("t.csv", table("2"), table("9")).facts();
    assert!(has_only(&facts, &[("rows.removed", 1), ("rows.added", 1)]), "{facts:?}");
}

#[test]
fn equal_rows_are_counted() {
    let table = |count| format!("id,v\n{}", "1,x\n".repeat(count));
    let facts = Pair::of("t.csv", table(100_000), table(99_999)).facts();
    assert!(has_only(&facts, &[("rows.removed", 1)]), "{facts:?}");
    let facts = Pair::of("t.txt", table(20_000), table(20_001)).facts();
    assert!(facts.contains(&("lines.added".into(), 1)), "{facts:?}");
}

#[test]
fn keys_with_the_same_start_are_different() {
    let row = |n: usize, edited: usize| format!("prefix-{n:07},{}", if n == edited { 7 } else { 0 });
    let table = |edited| format!("id,v\n{}", lines(50_000, |n| row(n, edited)));
    let facts = Pair::of("t.csv", table(usize::MAX), table(40_000)).facts();
    assert!(has_only(&facts, &[("cells.changed", 1)]), "{facts:?}");
}

#[test]
fn quotes_in_all_cells_are_read() {
    let row = |n: usize, edited: usize| {
        let mark = if n == edited { "!" } else { "" };
        format!("\"{n}\"\"\",\"say \"\"{}\"\"{mark}\"", n * n)
    };
    let table = |edited| format!("id,v\n{}", lines(20_000, |n| row(n, edited)));
    let facts = Pair::of("t.csv", table(usize::MAX), table(10_000)).facts();
    assert!(has_only(&facts, &[("cells.changed", 1)]), "{facts:?}");
}

#[test]
fn mixed_line_endings_are_read() {
    let end = |n: usize| ["\n", "\r\n", "\r"][n % 3];
    let table = |edited| {
        let row = |n| format!("{n},{}{}", if n == edited { 1 } else { 0 }, end(n));
        format!("id,v\n{}", (0..10_000).map(row).collect::<String>())
    };
    let facts = Pair::of("t.csv", table(usize::MAX), table(5_000)).facts();
    assert!(has_only(&facts, &[("cells.changed", 1)]), "{facts:?}");
}

#[test]
fn same_file_3_000_times_is_paired() {
    let pair = Pair::new();
    for side in ["a/old", "b/new"] {
        fs::create_dir(pair.path(side)).unwrap();
        for n in 0..3_000 {
            fs::write(pair.path(side).join(n.to_string()), "x\n").unwrap();
        }
    }
    let changeset = pair.write("b/new/more", "x\n").diff();
    assert!(changeset.is_changed() && !changeset.is_incomplete());
    assert!(!changeset.changes.iter().any(|node| node.action == "removed"), "{changeset:?}");
}

#[test]
fn renamed_json_of_one_line_is_found() {
    let json = |edited: usize| {
        let item = |n: usize| format!("{{\"id\":{n},\"v\":{}}}", if n == edited { 0 } else { n * n });
        format!("[{}]", (0..200_000).map(item).collect::<Vec<_>>().join(","))
    };
    let pair = Pair::new().write("a/old.json", json(0)).write("b/new.json", json(100_000));
    let changeset = pair.diff();
    assert!(changeset.is_incomplete(), "the content of JSON is not compared");
    let [node] = &changeset.changes[..] else { panic!("{changeset:?}") };
    assert_eq!((node.action.as_str(), node.source.as_deref()), ("renamed", Some("old.json")));
}

#[test]
fn damaged_files_of_other_formats_are_errors() {
    let heads: [(&str, &[u8]); 6] = [
        ("t.sqlite", b"SQLite format 3\0\x10\0\x01\x01"),
        ("t.csv.gz", b"\x1f\x8b\x08"),
        ("t.zip", b"PK\x03\x04"),
        ("t.parquet", b"PAR1"),
        ("t.xlsx", b"PK\x03\x04"),
        ("t.csv", b"\x1f\x8b\x08"),
    ];
    for (name, head) in heads {
        let changeset = Pair::of(name, [head, &[0; 300]].concat(), head).diff();
        let finding = changeset.diagnostics.iter().find(|finding| finding.severity == Severity::Error);
        assert_eq!(finding.unwrap().path.as_deref(), Some(name), "{changeset:?}");
    }
}

#[test]
fn extreme_options_are_accepted() {
    let table = |edited| format!("id,v\n{}", lines(500, |n| format!("{n},{}", n * edited)));
    let pair = Pair::of("t.csv", table(1), table(2));
    let largest = u64::MAX.to_string();
    for args in [["--memory", "1"], ["--memory", &largest], ["--examples", &largest], ["--examples", "0"]] {
        let (code, report) = pair.run(&args);
        assert!(code == 0 && report.contains("499 cells changed"), "{args:?}: {report}");
    }
}

#[cfg(unix)]
#[test]
fn names_cannot_change_the_report() {
    let names = [
        "a\nb.csv",
        "\n# Heading\n- item.txt",
        "`<script>`.txt",
        "\u{1b}[31mred",
        "[x](y)|*z*",
        " ",
        "-",
        "\u{202e}fdp.txt",
        "\r",
        "\\n",
    ];
    let pair = names.iter().fold(Pair::new(), |pair, name| {
        let (old, new) = (format!("a/{name}"), format!("b/{name}"));
        pair.write(&old, "id,v\n1,a\n2,b\n").write(&new, "id,v\n1,a\n2,c\n")
    });
    let pair = pair.write("a/\t/x\n", "gone\n").write("b/\u{85}/\u{7}", "fresh\n");
    let (code, report) = pair.run(&[]);
    assert_eq!(code, 0, "{report}");
    assert!(report.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{report}");
    let top = |line: &&str| !line.starts_with(' ') && !line.is_empty();
    let items = report.lines().filter(top).skip(2);
    assert_eq!(items.clone().count(), names.len() + 2, "{report}");
    for item in items {
        assert!(
            ["- changed `", "- removed `", "- added `"].iter().any(|start| item.starts_with(start)),
            "{item}"
        );
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_loops_of_links_are_findings() {
    use std::os::unix::fs::symlink;
    let pair = Pair::of("x.txt", "1\n", "2\n");
    for side in ["a", "b"] {
        assert!(Command::new("mkfifo").arg(pair.path(side).join("pipe.csv")).status().unwrap().success());
        symlink(".", pair.path(side).join("self")).unwrap();
        symlink("two", pair.path(side).join("one")).unwrap();
        symlink("one", pair.path(side).join("two")).unwrap();
        symlink("nowhere", pair.path(side).join("dangling")).unwrap();
    }
    let changeset = pair.diff();
    let findings: Vec<_> =
        changeset.diagnostics.iter().filter_map(|finding| finding.path.as_deref()).collect();
    assert_eq!(findings, ["dangling", "one", "pipe.csv", "self", "two"]);
    assert_eq!(changeset.changes.len(), 1);
    // A pipe as the snapshot itself must not block.
    let output = pair.command().args(["diff", "a/pipe.csv", "b/x.txt"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn deep_directory_is_a_finding() {
    let deep = vec!["d"; 400].join("/");
    let pair = Pair::of(&format!("{deep}/x.txt"), "1\n", "2\n");
    let pair = pair.write("a/y.txt", "1\n").write("b/y.txt", "2\n");
    let changeset = pair.diff();
    assert!(changeset.is_incomplete());
    assert_eq!(changeset.changes.len(), 1, "the rest is compared");
    assert!(changeset.diagnostics[0].path.as_deref().unwrap().starts_with("d/d/"));
}

#[test]
fn files_that_change_and_vanish_during_the_comparison_are_reported() {
    let pair = Pair::new();
    let table = |n: usize| format!("id,v\n{}", lines(200, |row| format!("{row},{}", row * n)));
    let path = |side: &str, n: usize| pair.path(side).join(format!("{}.csv", n % 200));
    for n in 0..200 {
        fs::write(path("a", n), table(1)).unwrap();
        fs::write(path("b", n), table(2)).unwrap();
    }
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The number of files is limited, so that a failed assertion ends the test.
            for n in (0..20_000).take_while(|_| !is_done.load(Ordering::Relaxed)) {
                let _ = fs::remove_file(path("b", n));
                let _ = fs::write(path("b", n + 100), table(n % 5));
            }
        });
        (0..3).for_each(|_| drop(pair.diff()));
        is_done.store(true, Ordering::Relaxed);
    });
}
