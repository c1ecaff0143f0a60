# SPDX-License-Identifier: Apache-2.0
"""OpenAI's SDK with a key out of wif, asked for before each request.

    key = Key("prod")                      # a profile; Key() is the default one
    client = openai.OpenAI(api_key=key)    # AsyncOpenAI(api_key=AsyncKey("prod"))

Run as a program it answers each line of its standard input."""
import asyncio
import hashlib
import subprocess
import sys

import openai


class Key:
    def __init__(self, profile=None):
        self.options = ["-p", profile] if profile else []

    def __call__(self):
        return wif("token", *self.options)

    @staticmethod
    def reject(error):
        """After an openai.AuthenticationError: the credential that was refused is forgotten, and the next request gets another."""
        token = error.request.headers["Authorization"].removeprefix("Bearer ")
        wif("cache", "clear", "--token-sha256", hashlib.sha256(token.encode()).hexdigest())


class AsyncKey(Key):
    async def __call__(self):
        return await asyncio.to_thread(super().__call__)


def wif(*words):
    # What goes wrong is on standard error, in wif's words.
    done = subprocess.run(["wif", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise openai.OpenAIError(f"wif {words[0]} ended with {done.returncode}")
    return done.stdout.strip()


def answer(client, question):
    with client.responses.create(model="gpt-5", input=question, stream=True) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                print(event.delta, end="")
    print(flush=True)


def main():
    key = Key()
    client = openai.OpenAI(api_key=key)
    for line in sys.stdin:
        try:
            answer(client, line)
        except openai.AuthenticationError as error:
            key.reject(error)
            answer(client, line)


if __name__ == "__main__":
    main()
