// SPDX-License-Identifier: Apache-2.0
//! The credential as a header on standard output, by libwif; no crates. With an argument, which is the SHA-256 of a token that
//! was rejected, that one is reported first.
//!
//!     rustc --edition 2021 get.rs $(pkg-config --libs wif)
//!     ./get | curl -H @- https://api.openai.com/v1/models
use std::ffi::{CStr, CString};
use std::fmt;
use std::io::Write;
use std::os::raw::c_char;
use std::ptr::{self, NonNull};

/// What of wif/wif.h is used here.
mod ffi {
    use std::os::raw::c_char;

    #[repr(C)]
    pub struct Options([u8; 0]);
    #[repr(C)]
    pub struct Error([u8; 0]);
    #[repr(C)]
    pub struct Credential([u8; 0]);

    pub const OK: i32 = 0;
    pub const TOKEN_HASH_SIZE: usize = 65;

    #[link(name = "wif")]
    extern "C" {
        pub fn wif_error_new() -> *mut Error;
        pub fn wif_error_free(error: *mut Error);
        pub fn wif_error_message(error: *const Error) -> *const c_char;
        pub fn wif_error_hint(error: *const Error) -> *const c_char;
        pub fn wif_options_new() -> *mut Options;
        pub fn wif_options_free(options: *mut Options);
        pub fn wif_options_set_profile(options: *mut Options, name: *const c_char) -> i32;
        pub fn wif_get(options: *const Options, credential: *mut *mut Credential, error: *mut Error) -> i32;
        pub fn wif_credential_free(credential: *mut Credential);
        pub fn wif_credential_access_token(credential: *const Credential) -> *const c_char;
        pub fn wif_credential_expires_at(credential: *const Credential) -> i64;
        pub fn wif_credential_token_sha256(credential: *const Credential, hash: *mut c_char);
        pub fn wif_reject(hash: *const c_char, timeout_ms: i64, removed: *mut u32, error: *mut Error) -> i32;
    }
}

/// `status` is libwif's, which is one of wif's exit codes.
#[derive(Debug)]
pub struct Error {
    pub status: i32,
    pub message: String,
    pub hint: String,
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "{}\n{}", self.message, self.hint)
    }
}

/// Safety: a C string, or null.
unsafe fn text(of: *const c_char) -> String {
    if of.is_null() {
        return String::new();
    }
    CStr::from_ptr(of).to_string_lossy().into_owned()
}

/// What a call says of its failure.
struct Report(*mut ffi::Error);

impl Report {
    fn new() -> Report {
        Report(unsafe { ffi::wif_error_new() })
    }

    fn of(&self, status: i32) -> Result<(), Error> {
        if status == ffi::OK {
            return Ok(());
        }
        let (message, hint) = unsafe { (text(ffi::wif_error_message(self.0)), text(ffi::wif_error_hint(self.0))) };
        Err(Error { status, message, hint })
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        unsafe { ffi::wif_error_free(self.0) }
    }
}

struct Options(*mut ffi::Options);

impl Drop for Options {
    fn drop(&mut self) {
        unsafe { ffi::wif_options_free(self.0) }
    }
}

/// Its memory is wiped when it is dropped.
pub struct Credential(NonNull<ffi::Credential>);

// wif.h: it never changes, and many threads may read one.
unsafe impl Send for Credential {}
unsafe impl Sync for Credential {}

impl Credential {
    /// Blocks while an exchange is made. None: the default profile.
    pub fn get(profile: Option<&CStr>) -> Result<Credential, Error> {
        let (options, report) = (Options(unsafe { ffi::wif_options_new() }), Report::new());
        let mut found = ptr::null_mut();
        unsafe {
            report.of(ffi::wif_options_set_profile(options.0, profile.map_or(ptr::null(), CStr::as_ptr)))?;
            report.of(ffi::wif_get(options.0, &mut found, report.0))?;
        }
        Ok(Credential(NonNull::new(found).expect("a credential comes with WIF_OK")))
    }

    /// None: it is a pair of AWS keys.
    pub fn access_token(&self) -> Option<&str> {
        let token = unsafe { ffi::wif_credential_access_token(self.0.as_ptr()) };
        if token.is_null() {
            return None;
        }
        unsafe { CStr::from_ptr(token) }.to_str().ok()
    }

    /// Unix seconds.
    pub fn expires_at(&self) -> i64 {
        unsafe { ffi::wif_credential_expires_at(self.0.as_ptr()) }
    }

    /// Names the token without showing it, for `reject`.
    pub fn token_sha256(&self) -> CString {
        let mut hash = [0 as c_char; ffi::TOKEN_HASH_SIZE];
        unsafe {
            ffi::wif_credential_token_sha256(self.0.as_ptr(), hash.as_mut_ptr());
            CStr::from_ptr(hash.as_ptr()).to_owned()
        }
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        unsafe { ffi::wif_credential_free(self.0.as_ptr()) }
    }
}

/// That token was refused before it expired: the next `get` exchanges.
pub fn reject(token_sha256: &CStr) -> Result<(), Error> {
    let report = Report::new();
    report.of(unsafe { ffi::wif_reject(token_sha256.as_ptr(), 5000, ptr::null_mut(), report.0) })
}

fn run() -> Result<(), Error> {
    if let Some(hash) = std::env::args().nth(1) {
        reject(&CString::new(hash).expect("an argument has no NUL"))?;
    }
    let credential = Credential::get(None)?;
    let token = credential.access_token().expect("a profile whose credential is a token");
    eprintln!("expires at {}, sha256 {}", credential.expires_at(), credential.token_sha256().to_string_lossy());
    writeln!(std::io::stdout(), "Authorization: Bearer {}", token).expect("somebody reads it");
    Ok(())
}

fn main() {
    if let Err(error) = run() {
        eprintln!("{}", error);
        std::process::exit(error.status);
    }
}
