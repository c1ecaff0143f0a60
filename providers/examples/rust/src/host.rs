// SPDX-License-Identifier: Apache-2.0
//! The host's services without pointers: what a Rust module would otherwise write around each call.
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::c_char;
use std::{mem, ptr, slice};

use crate::abi;

/// What the host is told: a category of `wif_status`, what was tried and came back, and what to do.
#[derive(Debug)]
pub struct Failure {
    pub status: i32,
    pub message: String,
    pub hint: String,
}

pub type Result<T> = std::result::Result<T, Failure>;

pub fn failure<T>(status: i32, message: impl Into<String>, hint: impl Into<String>) -> Result<T> {
    Err(Failure { status, message: message.into(), hint: hint.into() })
}

pub struct Response<'call> {
    pub status: i32,
    pub body: &'call [u8],
}

/// The services for one call. What they hand out lives for 'call: until `fetch` returns.
pub struct Host<'call> {
    table: *const abi::Host,
    call: *mut abi::Call,
    lifetime: PhantomData<&'call abi::Host>,
}

impl<'call> Host<'call> {
    /// # Safety
    /// Both are what the host passed to `fetch`, which doesn't return before 'call ends.
    pub unsafe fn new(table: *const abi::Host, call: *mut abi::Call) -> Self {
        Host { table, call, lifetime: PhantomData }
    }

    fn table(&self) -> &abi::Host {
        // Safe by the promise that was given to new().
        unsafe { &*self.table }
    }

    /// Nothing if it is unset.
    pub fn setting(&self, name: &str) -> Result<Option<&'call str>> {
        let key = c_string(name);
        let value = unsafe { (self.table().setting)(self.call, key.as_ptr()) };
        self.text(value, &format!("subject.{}", name))
    }

    /// Nothing if it is unset or empty.
    pub fn environment(&self, name: &str) -> Result<Option<&'call str>> {
        let key = c_string(name);
        let value = unsafe { (self.table().environment)(self.call, key.as_ptr()) };
        self.text(value, name)
    }

    fn text(&self, value: *const c_char, name: &str) -> Result<Option<&'call str>> {
        if value.is_null() {
            return Ok(None);
        }
        match unsafe { CStr::from_ptr(value) }.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => failure(abi::WIF_CONFIGURATION, format!("{} is not UTF-8", name), "correct it"),
        }
    }

    pub fn time_left_ms(&self) -> i64 {
        unsafe { (self.table().time_left_ms)(self.call) }
    }

    pub fn log(&self, level: i32, message: &str) {
        let line = c_string(message);
        unsafe { (self.table().log)(self.call, level, line.as_ptr()) }
    }

    /// Zeroed memory that the host wipes after the call; nothing else should ever hold a token.
    pub fn secret(&self, size: usize) -> Result<&'call mut [u8]> {
        let memory = unsafe { (self.table().secret_alloc)(self.call, size) };
        if memory.is_null() {
            return failure(abi::WIF_BUG, "out of memory", "");
        }
        Ok(unsafe { slice::from_raw_parts_mut(memory.cast(), size) })
    }

    /// GET. A header's value may be given in parts, which are joined in secret memory.
    pub fn get(&self, url: &str, headers: &[(&str, &[&str])]) -> Result<Response<'call>> {
        let url = c_string(url);
        let names: Vec<CString> = headers.iter().map(|(name, _)| c_string(name)).collect();
        let mut raw_headers = Vec::new();
        for ((_, parts), name) in headers.iter().zip(&names) {
            let value = self.secret_text(parts)?;
            raw_headers.push(abi::HttpHeader { name: name.as_ptr(), value });
        }
        let request = abi::HttpRequest {
            struct_size: mem::size_of::<abi::HttpRequest>() as u32,
            flags: 0,
            method: b"GET\0".as_ptr().cast(),
            url: url.as_ptr(),
            headers: raw_headers.as_ptr(),
            header_count: raw_headers.len(),
            body: ptr::null(),
            body_size: 0,
            unix_socket: ptr::null(),
            try_timeout_ms: 0,
            aws_sigv4: ptr::null(),
            aws_access_key_id: ptr::null(),
            aws_secret_access_key: ptr::null(),
        };
        let mut answer = abi::HttpResponse {
            struct_size: mem::size_of::<abi::HttpResponse>() as u32,
            status: 0,
            headers: ptr::null(),
            header_count: 0,
            body: ptr::null(),
            body_size: 0,
            failure: abi::WIF_HTTP_FAILED,
        };
        let status = unsafe { (self.table().http)(self.call, &request, &mut answer) };
        if status != abi::WIF_OK {
            let words = unsafe { CStr::from_ptr((self.table().error_message)(self.call)) };
            return failure(status, words.to_string_lossy(), "");
        }
        let body = if answer.body.is_null() {
            &[][..]
        } else {
            unsafe { slice::from_raw_parts(answer.body.cast(), answer.body_size) }
        };
        Ok(Response { status: answer.status, body })
    }

    /// NUL-terminated, in secret memory.
    fn secret_text(&self, parts: &[&str]) -> Result<*const c_char> {
        let memory = self.secret(parts.iter().map(|part| part.len()).sum::<usize>() + 1)?;
        let mut size = 0;
        for part in parts {
            memory[size..size + part.len()].copy_from_slice(part.as_bytes());
            size += part.len();
        }
        Ok(memory.as_ptr().cast())
    }

    pub fn fail(&self, failure: &Failure) -> i32 {
        let (message, hint) = (c_string(&failure.message), c_string(&failure.hint));
        let hint = if failure.hint.is_empty() { ptr::null() } else { hint.as_ptr() };
        unsafe { (self.table().fail)(self.call, failure.status, message.as_ptr(), hint) }
    }
}

/// A NUL within would end it early.
fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).expect("no NUL is left")
}
