# SPDX-License-Identifier: Apache-2.0
"""libwif by ctypes; no dependency.

As the OpenAI SDK's key, looked up for each request (a hit costs 40 microseconds):
    client = OpenAI(api_key=wif.api_key("prod"))
    client = AsyncOpenAI(api_key=wif.async_api_key("prod"))
"""
import asyncio
import ctypes
import hashlib

_lib = ctypes.CDLL("libwif.so.1")
_pointer, _text = ctypes.c_void_p, ctypes.c_char_p
for _name, _result, _arguments in (
        ("wif_error_new", _pointer, ()), ("wif_error_free", None, (_pointer,)),
        ("wif_error_message", _text, (_pointer,)), ("wif_error_hint", _text, (_pointer,)),
        ("wif_options_new", _pointer, ()), ("wif_options_free", None, (_pointer,)),
        ("wif_options_set_profile", ctypes.c_int32, (_pointer, _text)),
        ("wif_get", ctypes.c_int32, (_pointer, ctypes.POINTER(_pointer), _pointer)),
        ("wif_credential_access_token", _text, (_pointer,)), ("wif_credential_free", None, (_pointer,)),
        ("wif_reject", ctypes.c_int32, (_text, ctypes.c_int64, _pointer, _pointer))):
    _function = getattr(_lib, _name)
    _function.restype, _function.argtypes = _result, _arguments


class Error(Exception):
    """`status` is the category: an exit code of wif."""

    def __init__(self, status, message, hint):
        super().__init__(f"{message}\n{hint}".strip())
        self.status = status


def token(profile=None):
    """The access token; ctypes lets go of the GIL while wif_get waits."""
    options, error, credential = _lib.wif_options_new(), _lib.wif_error_new(), _pointer()
    try:
        _lib.wif_options_set_profile(options, profile.encode() if profile else None)
        status = _lib.wif_get(options, ctypes.byref(credential), error)
        if status != 0:
            raise Error(status, _lib.wif_error_message(error).decode(), _lib.wif_error_hint(error).decode())
        found = _lib.wif_credential_access_token(credential)
        if found is None:
            raise Error(2, "the credential is a pair of AWS keys, not one token", "")
        return found.decode()
    finally:
        _lib.wif_credential_free(credential)
        _lib.wif_error_free(error)
        _lib.wif_options_free(options)


def reject(rejected):
    """That token was refused (a 401) before it expired: the next look-up exchanges. The SDK's own is `client.api_key`."""
    _lib.wif_reject(hashlib.sha256(rejected.encode()).hexdigest().encode(), 5000, None, None)


def api_key(profile=None):
    """What the OpenAI SDK takes for `api_key`: a function without arguments that it calls for each request."""
    return lambda: token(profile)


def async_api_key(profile=None):
    """The same for AsyncOpenAI, whose event loop goes on while wif_get waits."""
    async def key():
        return await asyncio.to_thread(token, profile)
    return key
