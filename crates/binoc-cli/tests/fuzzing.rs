//! The fuzz functions of the whole comparison, with mutations of a few inputs. `just fuzz` runs them with a fuzzer.

use binoc_stdlib::fuzzing::mutations;

fn check(seeds: &[&[u8]], count: u64, function: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    mutations(&seeds, count, function);
}

#[test]
fn any_two_files_can_be_compared() {
    let seeds: [&[u8]; 8] = [
        b"\x00\x80id,n\n1,a\n2,b\n3,c\nid,n\n1,a\n2,x\n3,c\n",
        b"\x00\x80n,v\na,1\na,1\nb,2\nn,v\na,1\nb,2\nb,2\nc,3\n",
        b"\x00\x80# made 2020\nx;y;z\n1;\"2;3\";4\n5;6;7\n# made 2021\nx;y;z\n5;6;7\n1;2;3\n",
        b"\x01\x80a\tb\ta\n1\t2\t3\n4\t5\t6\na\tb\n1\t2\n4\t6\n",
        b"\x00\x80\xff\xfei\0d\0\n\x001\0\n\x002\0\n\0\xef\xbb\xbfid\n1\r\n2\r\n",
        b"\x03\x80one\ntwo\nthree\nfour\none\r\ntwo\r\n3\r\nfour",
        b"\x04\x80{\"a\": [1, 2]}\n{\"a\": [1, 3]}\n",
        b"\x05\x80\x1f\x8b\x08\0\0\0\0\0\x1f\x8b\x08\0\0\0\0\x01",
    ];
    check(&seeds, 150, binoc_cli::fuzzing::snapshots);
}

#[test]
fn any_changeset_can_be_parsed_and_rendered() {
    let seed = include_bytes!("../../binoc-sdk/tests/changeset.json");
    check(
        &[seed, b"{\"schema\": 1, \"from\": \"a\", \"to\": \"b\", \"changes\": []}"],
        500,
        binoc_cli::fuzzing::changeset,
    );
}

#[test]
fn any_arguments_can_be_parsed() {
    let seeds: [&[u8]; 3] =
        [b"diff\0a\0b\0--key\0id\0--key-of\0t\0id\0-qojson:x", b"16 MiB", b"plugins\0--plugin=x\0-h"];
    check(&seeds, 1000, binoc_cli::fuzzing::arguments);
}

#[test]
fn any_bytes_have_a_fingerprint() {
    let seeds: [&[u8]; 3] = [
        b"\x80{\"id\":1,\"v\":20},{\"id\":2,\"v\":30},{\"id\":1,\"v\":20},{\"id\":2,\"v\":31}",
        b"\x80head\na,1\nb,2\n\nhead\r\na,1\r\nb,3",
        &[0; 3000],
    ];
    check(&seeds, 1000, binoc_core::fuzzing::parts);
}

#[test]
fn any_path_is_its_pattern_and_tokens() {
    let seeds: [&[u8]; 4] = [
        "é_2024-01/v1.2 q3 12".as_bytes(),
        b"release 3/20240131-Jan.x",
        b"march2024Q4",
        "x\u{661}2024.1".as_bytes(),
    ];
    check(&seeds, 2000, binoc_core::fuzzing::names);
}
