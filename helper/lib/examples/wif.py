# SPDX-License-Identifier: Apache-2.0
"""libwif by ctypes; no dependency.

As the OpenAI SDK's key, looked up for each request (a hit costs 40 microseconds):
    client = OpenAI(api_key=wif.api_key("prod"))
"""
import ctypes

_lib = ctypes.CDLL("libwif.so.1")
_pointer, _text = ctypes.c_void_p, ctypes.c_char_p
for _name, _result, _arguments in (
        ("wif_error_new", _pointer, ()), ("wif_error_free", None, (_pointer,)),
        ("wif_error_message", _text, (_pointer,)), ("wif_error_hint", _text, (_pointer,)),
        ("wif_options_new", _pointer, ()), ("wif_options_free", None, (_pointer,)),
        ("wif_options_set_profile", ctypes.c_int32, (_pointer, _text)),
        ("wif_get", ctypes.c_int32, (_pointer, ctypes.POINTER(_pointer), _pointer)),
        ("wif_credential_access_token", _text, (_pointer,)), ("wif_credential_free", None, (_pointer,))):
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


def api_key(profile=None):
    """What the OpenAI SDK takes for `api_key`: a function without arguments that it calls for each request."""
    return lambda: token(profile)
