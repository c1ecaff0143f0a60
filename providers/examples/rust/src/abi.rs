// SPDX-License-Identifier: Apache-2.0
//! `wif/provider.h` by hand. tests/abi.rs asks a C compiler whether the two agree.
#![allow(dead_code)] // the whole of it, so that a module made from this one finds what it needs

use std::os::raw::{c_char, c_void};

/// The structure, and for the test its members as C knows them.
macro_rules! c_struct {
    ($name:ident, $c_name:literal, { $($member:ident: $type:ty,)* }) => {
        #[repr(C)]
        pub struct $name {
            $(pub $member: $type,)*
        }

        #[cfg(test)]
        impl $name {
            pub const C_NAME: &'static str = $c_name;

            /// (member, offset, size)
            pub fn members() -> Vec<(&'static str, usize, usize)> {
                let memory = std::mem::MaybeUninit::<$name>::uninit();
                let start = memory.as_ptr();
                vec![$({
                    let member = unsafe { std::ptr::addr_of!((*start).$member) };
                    (stringify!($member), member as usize - start as usize, std::mem::size_of::<$type>())
                },)*]
            }
        }
    };
}

macro_rules! c_constants {
    ($($name:ident = $value:literal,)*) => {
        $(pub const $name: i32 = $value;)*

        #[cfg(test)]
        pub const CONSTANTS: &[(&str, i32)] = &[$((stringify!($name), $value),)*];
    };
}

pub const WIF_PROVIDER_ABI: u32 = 1;

c_constants! {
    WIF_OK = 0,
    WIF_USAGE = 2,
    WIF_CONFIGURATION = 3,
    WIF_NO_IDENTITY = 4,
    WIF_REFUSED = 5,
    WIF_UNREACHABLE = 6,
    WIF_CACHE = 7,
    WIF_BUG = 70,

    WIF_LOG_DEBUG = 0,
    WIF_LOG_INFO = 1,
    WIF_LOG_WARNING = 2,

    WIF_HTTP2_PRIOR_KNOWLEDGE = 1,
    WIF_HTTP_LINK_LOCAL = 2,
    WIF_HTTP_NO_RETRY = 4,

    WIF_HTTP_FAILED = 0,
    WIF_HTTP_NO_ADDRESS = 1,
    WIF_HTTP_NO_CONNECTION = 2,
    WIF_HTTP_LOST = 3,
    WIF_HTTP_NO_TLS = 4,

    WIF_PROBE_OK = 0,
    WIF_PROBE_WARNING = 1,
    WIF_PROBE_FAILED = 2,
    WIF_PROBE_SKIPPED = 3,
}

/// Opaque.
#[repr(C)]
pub struct Call {
    _private: [u8; 0],
}

c_struct!(HttpHeader, "wif_http_header", {
    name: *const c_char,
    value: *const c_char,
});

c_struct!(HttpRequest, "wif_http_request", {
    struct_size: u32,
    flags: u32,
    method: *const c_char,
    url: *const c_char,
    headers: *const HttpHeader,
    header_count: usize,
    body: *const c_char,
    body_size: usize,
    unix_socket: *const c_char,
    try_timeout_ms: i32,
    aws_sigv4: *const c_char,
    aws_access_key_id: *const c_char,
    aws_secret_access_key: *const c_char,
});

c_struct!(HttpResponse, "wif_http_response", {
    struct_size: u32,
    status: i32,
    headers: *const HttpHeader,
    header_count: usize,
    body: *const c_char,
    body_size: usize,
    failure: i32,
});

c_struct!(Host, "wif_host", {
    abi_version: u32,
    struct_size: u32,
    setting: unsafe extern "C" fn(*mut Call, *const c_char) -> *const c_char,
    environment: unsafe extern "C" fn(*mut Call, *const c_char) -> *const c_char,
    http: unsafe extern "C" fn(*mut Call, *const HttpRequest, *mut HttpResponse) -> i32,
    log: unsafe extern "C" fn(*mut Call, i32, *const c_char),
    secret_alloc: unsafe extern "C" fn(*mut Call, usize) -> *mut c_void,
    time_left_ms: unsafe extern "C" fn(*mut Call) -> i64,
    fail: unsafe extern "C" fn(*mut Call, i32, *const c_char, *const c_char) -> i32,
    error_message: unsafe extern "C" fn(*mut Call) -> *const c_char,
});

c_struct!(SubjectToken, "wif_subject_token", {
    struct_size: u32,
    reserved: u32,
    token: *const c_char,
    token_size: usize,
    token_type: *const c_char,
    expires_at: i64,
});

pub type Fetch = unsafe extern "C" fn(*const Host, *mut Call, *mut SubjectToken) -> i32;
pub type ProbeReport = unsafe extern "C" fn(*mut c_void, *const ProbeStep);
pub type Probe = unsafe extern "C" fn(*const Host, *mut Call, ProbeReport, *mut c_void) -> i32;

c_struct!(ProbeStep, "wif_probe_step", {
    struct_size: u32,
    result: i32,
    status: i32,
    reserved: u32,
    id: *const c_char,
    checked: *const c_char,
    found: *const c_char,
    mend: *const c_char,
});

c_struct!(Provider, "wif_provider", {
    abi_version: u32,
    struct_size: u32,
    name: *const c_char,
    fetch: Fetch,
    probe: Option<Probe>,
});

// The table is constant, and so is the text that it points to.
unsafe impl Sync for Provider {}
