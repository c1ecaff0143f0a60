// SPDX-License-Identifier: Apache-2.0
#include "freed_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include <malloc.h>

namespace {

std::array<char, 256> g_secret;
std::atomic<std::size_t> g_size = 0;
std::atomic<int> g_found = 0;

void look_and_free(void* block) {
  const std::size_t size = g_size;
  if (block != nullptr && size > 0 &&
      memmem(block, malloc_usable_size(block), g_secret.data(), size) != nullptr)
    ++g_found;
  std::free(block);
}

// Zeroed, so that what a former owner left there isn't taken for this one's.
void* allocate(std::size_t size) noexcept { return std::calloc(1, size == 0 ? 1 : size); }

void* allocate_or_throw(std::size_t size) {
  void* block = allocate(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

// All forms, so that none of the library's (or a sanitizer's) own is left to free what another one allocated.
void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* block) noexcept { look_and_free(block); }
void operator delete[](void* block) noexcept { look_and_free(block); }
void operator delete(void* block, std::size_t) noexcept { look_and_free(block); }
void operator delete[](void* block, std::size_t) noexcept { look_and_free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { look_and_free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { look_and_free(block); }

namespace wif {

FreedMemory::FreedMemory(std::string_view secret) {
  g_found = 0;
  g_size = secret.copy(g_secret.data(), g_secret.size());
}

FreedMemory::~FreedMemory() { g_size = 0; }

int FreedMemory::found() const { return g_found; }

}  // namespace wif
