/* SPDX-License-Identifier: Apache-2.0 */
/* The unit of the hit's measurement: what any dynamically linked program costs before it does anything. */
int main(void) { return 0; }
