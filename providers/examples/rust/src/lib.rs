// SPDX-License-Identifier: Apache-2.0
//! example-rust: a subject token from a file, or from a token broker by one HTTP call:
//!
//!   GET ENDPOINT/token?audience=AUDIENCE      Authorization: Bearer $EXAMPLE_BROKER_SECRET, if it is set
//!   200, and the token as the body
//!
//! The host does the HTTP, with its deadline, retries, TLS and size cap; so this links nothing but Rust's own library.
mod abi;
mod host;

use std::fs::{self, File};
use std::io::Read;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, Once};

use host::{failure, Failure, Host, Response, Result};

const LIMIT: u64 = 1 << 20;
const ENDPOINT_FORM: &str = "write scheme, host and port, as in http://127.0.0.1:8400, without a path";

/// RFC 3986 section 2.3: all but unreserved characters.
fn url_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| if plain(byte) { (byte as char).to_string() } else { format!("%{:02X}", byte) };
    text.bytes().map(encode).collect()
}

fn token_url(endpoint: &str, audience: &str) -> Result<String> {
    let base = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let authority = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    match authority {
        Some(name) if !name.is_empty() && !name.contains(|c: char| "/?#@".contains(c) || c <= ' ') => {
            Ok(format!("{}/token?audience={}", base, url_encode(audience)))
        }
        _ => failure(abi::WIF_CONFIGURATION, "subject.endpoint is not a broker's address", ENDPOINT_FORM),
    }
}

/// A JSON Web Token's three parts, without the white space around them; nothing if it is anything else, so that no page
/// and no half of a token goes to the exchange.
fn jwt_in(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let end = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
    let token = &bytes[start..end];
    let is_part =
        |part: &[u8]| !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    (parts.len() == 3 && parts.iter().all(|part| is_part(part))).then_some(token)
}

/// Straight into secret memory. A pipe or a terminal could keep us past the deadline, so only a file is opened.
fn read_file<'call>(host: &Host<'call>, path: &str) -> Result<&'call [u8]> {
    let unreadable = |what: String| {
        failure(abi::WIF_NO_IDENTITY, format!("cannot read the token file {}: {}", path, what), "check subject.path")
    };
    match fs::metadata(path) {
        Err(error) => return unreadable(error.to_string()),
        Ok(about) if !about.is_file() => return unreadable("it is no file".into()),
        Ok(about) if about.len() > LIMIT => return unreadable("it is larger than 1 MiB".into()),
        Ok(_) => {}
    }
    let memory = host.secret(LIMIT as usize)?;
    let mut size = 0;
    let mut file = match File::open(path) {
        Err(error) => return unreadable(error.to_string()),
        Ok(file) => file,
    };
    while size < memory.len() {
        match file.read(&mut memory[size..]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return unreadable(error.to_string()),
            Ok(0) => break,
            Ok(count) => size += count,
        }
    }
    match jwt_in(&memory[..size]) {
        Some(token) => Ok(token),
        None => unreadable("what it holds is not a token".into()),
    }
}

/// Its body may be anybody's, or hold half a token: it isn't shown.
fn read_answer<'call>(answer: &Response<'call>) -> Result<&'call [u8]> {
    let said = format!("the token broker answered HTTP {}", answer.status);
    match answer.status {
        200 => match jwt_in(answer.body) {
            Some(token) => Ok(token),
            None => failure(abi::WIF_UNREACHABLE, said + ", but not with a token", "check subject.endpoint"),
        },
        401 | 403 => failure(abi::WIF_REFUSED, said, "check EXAMPLE_BROKER_SECRET"),
        404 => failure(abi::WIF_NO_IDENTITY, said, "it has no token for this audience: check subject.audience"),
        429 | 500..=599 => failure(abi::WIF_UNREACHABLE, said, "try again later; the broker's log may say more"),
        400..=499 => failure(abi::WIF_REFUSED, said, "check subject.audience"),
        _ => failure(abi::WIF_UNREACHABLE, said + " where 200 is due", "check subject.endpoint"),
    }
}

fn ask_broker<'call>(host: &Host<'call>, endpoint: &str) -> Result<&'call [u8]> {
    let audience = match host.setting("audience")? {
        Some(audience) => audience,
        None => return failure(abi::WIF_CONFIGURATION, "subject.audience is not set", ""),
    };
    let url = token_url(endpoint, audience)?;
    let secret = host.environment("EXAMPLE_BROKER_SECRET")?.unwrap_or("");
    if secret.bytes().any(|byte| byte.is_ascii_control()) {
        // A line break in a header would be another header.
        return failure(abi::WIF_CONFIGURATION, "EXAMPLE_BROKER_SECRET holds a control character", "correct it");
    }
    let parts = ["Bearer ", secret];
    let authorization = [("Authorization", &parts[..])];
    let headers = if secret.is_empty() { &[][..] } else { &authorization[..] };
    host.log(abi::WIF_LOG_INFO, &format!("asking the token broker: {}", url));
    // The host ends this at the deadline, and says so.
    match host.get(&url, headers) {
        Ok(answer) => read_answer(&answer),
        Err(error) => failure(
            error.status,
            format!("asking the token broker: {}", error.message),
            "check that it runs, and subject.endpoint",
        ),
    }
}

fn fetch_token<'call>(host: &Host<'call>) -> Result<&'call [u8]> {
    if host.time_left_ms() <= 0 {
        return failure(abi::WIF_UNREACHABLE, "no time was left to get a token", "allow more with --timeout");
    }
    if let Some(path) = host.setting("path")? {
        return read_file(host, path);
    }
    if let Some(endpoint) = host.setting("endpoint")? {
        return ask_broker(host, endpoint);
    }
    failure(
        abi::WIF_CONFIGURATION,
        "neither subject.path nor subject.endpoint is set",
        "set subject.path to a token file, or EXAMPLE_BROKER_URL to the token broker's address",
    )
}

/// Where the last panic was. Its message isn't kept: it may quote the text that was looked at.
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|about| {
            let place = about.location().map(|place| place.to_string()).unwrap_or_default();
            if let Ok(mut noted) = PANICKED_AT.lock() {
                *noted = place;
            }
        }))
    });
}

/// The firewall: no panic passes into the host, which is C++.
fn guarded(fail: impl Fn(&Failure) -> i32, work: impl FnOnce() -> Result<()>) -> i32 {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => abi::WIF_OK,
        Ok(Err(failure)) => fail(&failure),
        Err(_) => {
            let place = PANICKED_AT.lock().map(|place| place.clone()).unwrap_or_default();
            let message = format!("the module panicked at {}", place);
            fail(&Failure { status: abi::WIF_BUG, message, hint: "tell whoever made the module".into() })
        }
    }
}

unsafe extern "C" fn fetch(table: *const abi::Host, call: *mut abi::Call, token: *mut abi::SubjectToken) -> i32 {
    let host = Host::new(table, call);
    guarded(
        |failure| host.fail(failure),
        || {
            let found = fetch_token(&host)?;
            (*token).token = found.as_ptr().cast();
            (*token).token_size = found.len();
            Ok(())
        },
    )
}

static TABLE: abi::Provider = abi::Provider {
    abi_version: abi::WIF_PROVIDER_ABI,
    struct_size: std::mem::size_of::<abi::Provider>() as u32,
    name: b"example-rust\0".as_ptr().cast(),
    fetch,
    probe: None,
};

#[no_mangle]
pub extern "C" fn wif_provider_init(host_abi: u32) -> *const abi::Provider {
    note_panics();
    if host_abi >= abi::WIF_PROVIDER_ABI {
        &TABLE
    } else {
        std::ptr::null()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_panic_is_a_bug_with_its_place_and_without_its_words() {
        note_panics();
        let told = RefCell::new(String::new());
        let status = guarded(
            |failure| {
                *told.borrow_mut() = failure.message.clone();
                failure.status
            },
            || panic!("secret words"),
        );
        assert_eq!(status, abi::WIF_BUG);
        assert!(told.borrow().starts_with("the module panicked at src/lib.rs:"), "{}", told.borrow());
        assert!(!told.borrow().contains("secret"));
    }

    #[test]
    fn a_jwt_is_three_parts_and_nothing_else() {
        assert_eq!(jwt_in(b" a.b-_.C9\n"), Some(&b"a.b-_.C9"[..]));
        for wrong in ["", " ", "a", "a.b", "a.b.", ".b.c", "a.b.c.d", "a.b.c d", "a.b.c=", "<a.b.c>", "a\n.b.c"] {
            assert_eq!(jwt_in(wrong.as_bytes()), None, "{:?}", wrong);
        }
    }

    #[test]
    fn the_endpoint_is_scheme_host_and_port() {
        let url = |endpoint| token_url(endpoint, "a b&c").map_err(|error| error.status);
        assert_eq!(url("http://h:1/").unwrap(), "http://h:1/token?audience=a%20b%26c");
        assert_eq!(url("https://[::1]:1").unwrap(), "https://[::1]:1/token?audience=a%20b%26c");
        for wrong in ["", "h:1", "ftp://h", "http://", "http://h/x", "http://h?x", "http://u@h", "http://h\n"] {
            assert_eq!(url(wrong).unwrap_err(), abi::WIF_CONFIGURATION, "{:?}", wrong);
        }
    }

    #[test]
    fn a_status_has_its_category() {
        let category = |status, body: &'static str| {
            read_answer(&Response { status, body: body.as_bytes() }).map_or_else(|error| error.status, |_| abi::WIF_OK)
        };
        assert_eq!(category(200, "a.b.c"), abi::WIF_OK);
        assert_eq!(category(200, "<html>"), abi::WIF_UNREACHABLE);
        for status in [204, 302, 429, 500, 503] {
            assert_eq!(category(status, "a.b.c"), abi::WIF_UNREACHABLE, "{}", status);
        }
        for status in [400, 401, 403, 410] {
            assert_eq!(category(status, "a.b.c"), abi::WIF_REFUSED, "{}", status);
        }
        assert_eq!(category(404, "a.b.c"), abi::WIF_NO_IDENTITY);
    }
}
