//! Tests of the command: exit codes, outputs, findings, determinism.

// Failures of the setup may panic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A temporary directory for each test, which is removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let root = std::env::temp_dir().join(format!("binoc-command-{}-{test}", std::process::id()));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir_all(root.join("b")).unwrap();
        Self(root)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_binoc"));
        command.args(args).current_dir(&self.0);
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn version_is_one_line() {
    let expected = format!("binoc {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Place::new("version").run(&["--version"]), (0, expected, String::new()));
}

#[test]
fn usage_errors_exit_with_2_and_suggest_a_fix() {
    let place = Place::new("usage");
    for (args, identifier, fix) in [
        (&["diff", "a"][..], "`binoc diff`", "`binoc --help`"),
        (&["dif"], "`dif`", "`binoc --help`"),
        (&[], "no command", "`binoc --help`"),
        (&["diff", "a", "b", "--formt=md"], "`--formt`", "`binoc --help`"),
        (&["diff", "a", "b", "--format=pdf"], "`pdf`", "`markdown`, `json`"),
        (&["diff", "a", "nowhere"], "`nowhere`", ""),
    ] {
        let (code, stdout, stderr) = place.run(args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        let lines: Vec<_> = stderr.lines().collect();
        let [line] = lines[..] else { panic!("{args:?}: {stderr}") };
        assert!(line.starts_with("binoc: ") && line.contains(identifier) && line.ends_with(fix), "{line}");
    }
}

#[test]
fn exit_code_option_reports_changes() {
    let place = Place::new("exit");
    place.write("a/x.txt", "1\n").write("b/x.txt", "1\n");
    assert_eq!(place.run(&["diff", "a", "b", "--exit-code"]).0, 0);
    place.write("b/x.txt", "2\n");
    assert_eq!(place.run(&["diff", "a", "b"]).0, 0);
    assert_eq!(place.run(&["diff", "a", "b", "--exit-code", "-q"]), (1, String::new(), String::new()));
}

#[test]
fn incomplete_comparison_exits_with_2() {
    let place = Place::new("incomplete");
    place
        .write("a/d.csv", "id\n1\n")
        .write("b/d.csv.gz", "\x1f\u{8b}")
        .write("a/x", "1\n")
        .write("b/x", "2\n");
    for args in [&["diff", "a", "b"][..], &["diff", "a", "b", "--exit-code"]] {
        let (code, stdout, stderr) = place.run(args);
        assert_eq!(code, 2, "{args:?}");
        assert!(stderr.starts_with("binoc: `d.csv.gz`: ") && stderr.contains("`d.csv`"), "{stderr}");
        assert!(stdout.contains("- changed `x`"), "the rest is compared: {stdout}");
    }
}

#[test]
fn report_does_not_depend_on_how_the_paths_are_typed() {
    let place = Place::new("typed");
    place.write("old/data/x.txt", "1\n").write("new/data/x.txt", "2\n").write("new/other/x.txt", "3\n");
    let absolute = |path: &str| place.0.join(path).to_str().unwrap().to_owned();
    let (old, new, other) = (absolute("old/data"), absolute("new/data/"), absolute("new/other"));
    let report = place.run(&["diff", "old/data", "new/data"]).1;
    assert!(report.starts_with("# Changes from `old/data` to `new/data`\n"), "{report}");
    for (directory, from, to) in [
        (".", old.as_str(), new.as_str()),
        (".", "./old/data/", "old/../new/data"),
        ("old", "data", "../new/data/."),
        ("new/data", "../../old/data", "."),
    ] {
        let output =
            place.command(&["diff", from, to]).current_dir(place.0.join(directory)).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), report, "{directory}: {from} {to}");
    }
    let shorter = place.run(&["diff", &old, &other]).1;
    assert!(shorter.starts_with("# Changes from `data` to `other`\n"), "{shorter}");
    let file = place.run(&["diff", "old/data/x.txt", "new/data/x.txt"]).1;
    assert!(file.starts_with("# Changes from `old/data/x.txt` to `new/data/x.txt`\n"), "{file}");
}

#[test]
fn key_of_a_table_applies_to_this_table() {
    let place = Place::new("key-of");
    for (side, row) in [("a", "x,1,9"), ("b", "x,2,1")] {
        let table = format!("k,v,w\n{row}\ny,3,3\n");
        place.write(&format!("{side}/s/one.csv"), &table).write(&format!("{side}/two.csv"), &table);
    }
    let own = |report: &str, name: &str| {
        let (_, own) = report.split_once(name).unwrap();
        own.split("- changed").next().unwrap().to_owned()
    };
    for table in ["one.csv", "s/one.csv"] {
        let (code, report, _) = place.run(&["diff", "a", "b", "--key-of", table, "w", "--key", "k"]);
        assert_eq!(code, 0);
        assert!(own(&report, "`s/one.csv`").contains("`w`"), "{table}: {report}");
        assert!(
            own(&report, "`two.csv`").contains("`k`") && !report.contains("Findings"),
            "{table}: {report}"
        );
    }
    for table in ["thre.csv", "x/one.csv", "s"] {
        let report = place.run(&["diff", "a", "b", "--key-of", table, "w"]).1;
        assert!(report.contains(&format!("- warning: key of table `{table}` not used")), "{report}");
    }
    let (code, _, stderr) = place.run(&["diff", "a", "b", "--key-of", "one.csv"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("`--key-of TABLE COLUMN`"), "{stderr}");
}

#[test]
fn memory_is_a_size() {
    let place = Place::new("memory");
    place.write("a/x.csv", "id,v\n1,a\n").write("b/x.csv", "id,v\n1,b\n");
    for size in ["64MiB", "1G", "300000000"] {
        assert_eq!(
            place.run(&["diff", "a", "b", "--memory", size]),
            place.run(&["diff", "a", "b"]),
            "{size}"
        );
    }
    for size in ["", "0", "1.5G", "1MB", "lots"] {
        let (code, _, stderr) = place.run(&["diff", "a", "b", "--memory", size]);
        assert_eq!(code, 2, "{size}");
        assert!(stderr.contains(&format!("`{size}`")) && stderr.contains("`256MiB`"), "{stderr}");
    }
}

#[test]
fn output_format_is_selected_by_extension_or_name() {
    let place = Place::new("outputs");
    place.write("a/x.txt", "1\n").write("b/x.txt", "2\n").write("out.md", "old");
    let (code, stdout, _) =
        place.run(&["diff", "a", "b", "-o", "out.md", "-o", "out.json", "-o", "json:other"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(place.read("out.md").starts_with("# Changes from `a` to `b`\n"));
    let json = place.read("out.json");
    assert!(json.contains("\"schema\": 1,") && json.ends_with("}\n"));
    assert_eq!(json, place.read("other"));
    let names: BTreeSet<_> = fs::read_dir(&place.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["a", "b", "other", "out.json", "out.md"].map(String::from)));
    let (code, _, stderr) = place.run(&["diff", "a", "b", "-o", "out.pdf"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("`-o markdown:out.pdf`"), "{stderr}");
    for (argument, expected) in
        [("out", "`-o markdown:out`"), ("json:", "``: "), ("json:nowhere/..", "`nowhere/..`: ")]
    {
        let (code, stdout, stderr) = place.run(&["diff", "a", "b", "-o", argument]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{argument}");
        assert!(stderr.contains(expected), "{argument}: {stderr}");
    }
}

#[test]
fn output_is_deterministic() {
    let place = Place::new("same");
    for n in 0..60 {
        let rows: String = (0..30).map(|row| format!("{row},{n},{}\n", row * n)).collect();
        place.write(&format!("a/{n}.csv"), format!("id,a,b\n{rows}"));
        let name = if n % 7 == 0 { format!("b/moved/{n}.csv") } else { format!("b/{n}.csv") };
        place.write(&name, format!("id,b,a\n{}", rows.replace("7,", "8,")));
        place.write(&format!("a/{n}.txt"), format!("one\ntwo {}\n", n / 2));
        place.write(&format!("b/sub/{n}.txt"), format!("one\ntwo {}\n", n / 3));
    }
    let runs: BTreeSet<_> = (0..20).map(|_| place.run(&["diff", "a", "b", "--format", "json"]).1).collect();
    assert_eq!(runs.len(), 1);
}

#[test]
fn each_table_has_its_own_facts() {
    let place = Place::new("own");
    for n in 1..=40 {
        let table = |step: usize| {
            let rows = (0..50).map(|row| format!("{row},v{}\n", row + if row < n { step } else { 0 }));
            format!("id,v\n{}", rows.collect::<String>())
        };
        place.write(&format!("a/{n:02}.csv"), table(0)).write(&format!("b/{n:02}.csv"), table(100));
    }
    let report = place.run(&["diff", "a", "b"]).1;
    for n in 1..=40 {
        let cells =
            if n == 1 { "1 cell changed in 1 row".into() } else { format!("{n} cells changed in {n} rows") };
        let (_, own) = report.split_once(&format!("`{n:02}.csv`")).unwrap();
        assert!(own.split("- changed").next().unwrap().contains(&cells), "{n}: {cells}\n{report}");
    }
}

#[test]
fn invalid_utf8_is_compared_and_shown() {
    let place = Place::new("latin1");
    place.write("a/x.csv", b"id,name\n1,caf\xe9\n2,x\n").write("b/x.csv", b"id,name\n1,caf\xe8\n2,x\n");
    let report = place.run(&["diff", "a", "b"]).1;
    assert!(report.contains("not UTF-8: compared byte by byte"), "{report}");
    assert!(report.contains("`caf\\xE9` → `caf\\xE8`"), "{report}");
}

#[test]
fn broken_plugin_is_reported_and_the_rest_is_compared() {
    let place = Place::new("refused");
    place.write("a/x.txt", "1\n").write("b/x.txt", "2\n").write("p.so", "no library");
    let (code, stdout, stderr) = place.run(&["diff", "a", "b", "--plugin", "p.so", "--exit-code"]);
    assert_eq!(code, 2, "a changeset is incomplete without a requested plugin");
    assert!(stderr.starts_with("binoc: plugin `p.so` refused: "), "{stderr}");
    assert!(
        stdout.contains("- changed `x.txt`") && stdout.contains("- error: plugin `p.so` refused"),
        "{stdout}"
    );
    let (code, stdout, _) = place.run(&["plugins", "--plugin", "p.so"]);
    assert_eq!(code, 2);
    assert!(stdout.starts_with("p.so: refused\n  refused: "), "{stdout}");
}

#[test]
fn closed_pipe_is_not_an_error() {
    let place = Place::new("pipe");
    for n in 0..4000 {
        place.write(&format!("a/a-rather-long-name-to-fill-the-pipe-{n}"), "");
    }
    let mut child =
        place.command(&["diff", "a", "b"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn two_files_are_compared() {
    let place = Place::new("files");
    place.write("old.csv", "id,v\n1,a\n2,b\n").write("new.csv", "id,v\n1,a\n2,c\n");
    let report = place.run(&["diff", "old.csv", "new.csv"]).1;
    assert!(report.contains("- changed `old.csv` → `new.csv` (table"), "{report}");
    assert!(report.contains("key `2`, column `v`: `b` → `c`"), "{report}");
    assert_eq!(place.run(&["diff", "old.csv", "a"]).0, 2);
}

#[cfg(unix)]
#[test]
fn links_and_sockets_are_findings() {
    use std::os::unix::fs::symlink;
    let place = Place::new("findings");
    place.write("a/x.txt", "1\n").write("b/x.txt", "2\n").write("a/link/y.txt", "y\n");
    symlink("/", place.0.join("b/link")).unwrap();
    let _pipe = std::os::unix::net::UnixListener::bind(place.0.join("b/socket")).unwrap();
    let report = place.run(&["diff", "a", "b"]).1;
    assert!(
        report.contains("1 file changed.\n"),
        "files below the link are not reported as removed: {report}"
    );
    assert!(
        report.contains("- warning: `link`: symbolic link, not followed (in the newer snapshot)"),
        "{report}"
    );
    assert!(report.contains("- warning: `socket`: neither file nor directory, not opened"), "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_with_invalid_utf8_stay_different() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new("names");
    for (name, content) in [(&b"caf\xe9"[..], "1\n"), (b"caf\xe8", "2\n")] {
        fs::write(place.0.join("a").join(Path::new(OsStr::from_bytes(name))), content).unwrap();
        fs::write(place.0.join("b").join(Path::new(OsStr::from_bytes(name))), "2\n").unwrap();
    }
    let report = place.run(&["diff", "a", "b"]).1;
    assert!(report.contains("1 file changed.\n\n- changed `caf\\xE9` (text"), "{report}");
}
