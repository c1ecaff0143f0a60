// SPDX-License-Identifier: Apache-2.0
//! Whether src/abi.rs is still what `wif/provider.h` says: a C program, made from our own list, prints the header's
//! offsets, sizes and values. `CC` names the compiler (cc), `WIF_INCLUDE` the header's folder outside of wif's tree.
#[path = "../src/abi.rs"]
mod abi;

use std::{env, fs, path::PathBuf, process::Command};

type Members = Vec<(&'static str, usize, usize)>;

fn structures() -> Vec<(&'static str, usize, Members)> {
    macro_rules! list {
        ($($name:ident),*) => {
            vec![$((abi::$name::C_NAME, std::mem::size_of::<abi::$name>(), abi::$name::members()),)*]
        };
    }
    list![HttpHeader, HttpRequest, HttpResponse, Host, SubjectToken, ProbeStep, Provider]
}

fn include_folder() -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../helper/include");
    env::var_os("WIF_INCLUDE").map_or(ours, PathBuf::from)
}

/// Without comments, so that a semicolon is a member's end.
fn header() -> String {
    let text = fs::read_to_string(include_folder().join("wif/provider.h")).expect("wif/provider.h");
    let mut parts = text.split("/*");
    let mut code = parts.next().unwrap().to_string();
    for part in parts {
        code += part.split_once("*/").expect("a comment without end").1;
    }
    code
}

/// What follows each `opening` up to "};".
fn bodies<'text>(code: &'text str, opening: &str) -> Vec<&'text str> {
    let starts = code.split(opening).skip(1);
    starts.filter_map(|rest| rest.split_once("};")).map(|(body, _)| body).collect()
}

#[test]
fn every_size_offset_and_value_is_the_headers() {
    let mut program = String::from("#include <stdio.h>\n#include \"wif/provider.h\"\nint main(void) {\n");
    let mut ours = String::new();
    let mut ask = |expression: String, value: i64| {
        program += &format!("  printf(\"%s %lld\\n\", \"{}\", (long long)({}));\n", expression, expression);
        ours += &format!("{} {}\n", expression, value);
    };
    ask("WIF_PROVIDER_ABI".into(), abi::WIF_PROVIDER_ABI.into());
    for (name, value) in abi::CONSTANTS {
        ask(name.to_string(), (*value).into());
    }
    for (name, size, members) in structures() {
        ask(format!("sizeof(struct {})", name), size as i64);
        for (member, offset, size) in members {
            ask(format!("offsetof(struct {}, {})", name, member), offset as i64);
            ask(format!("sizeof(((struct {}*)0)->{})", name, member), size as i64);
        }
    }
    program += "}\n";

    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    fs::write(&source, program).unwrap();
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled = Command::new(compiler).arg("-I").arg(include_folder()).arg("-o").args([&binary, &source]).status();
    assert!(compiled.expect("a C compiler").success(), "the header lacks something that src/abi.rs has");
    let theirs = Command::new(binary).output().unwrap().stdout;
    assert_eq!(ours, String::from_utf8(theirs).unwrap());
}

/// What the header has and we lack changes no offset if it fits into a gap.
#[test]
fn nothing_of_the_header_is_left_out() {
    let code = header();
    let known = structures();
    assert_eq!(bodies(&code, "\nstruct wif_").len(), known.len());
    for (name, _, members) in known {
        let body = bodies(&code, &format!("\nstruct {} {{", name));
        assert_eq!(body.len(), 1, "struct {}", name);
        assert_eq!(body[0].matches(';').count(), members.len(), "members of struct {}", name);
    }
    let enumerators: usize = bodies(&code, "\nenum ").iter().map(|body| body.matches('=').count()).sum();
    assert_eq!(enumerators, abi::CONSTANTS.len());
}
