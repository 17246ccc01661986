/* SPDX-License-Identifier: MIT */
/*
 * The three forms in which records are written to and read from files.
 *
 *   lines    a record a line; the newline is not part of the record
 *   raw      payloads and nothing else
 *   framed   before each payload, little-endian: 32 bits length, 16 bits type, 16 bits zero
 */
#ifndef SHMTOOL_FORM_H
#define SHMTOOL_FORM_H

#include <stdint.h>

enum form {
	FORM_LINES,
	FORM_RAW,
	FORM_FRAMED,
};

/*
 * A last line without its newline is published with this type, unless --type says otherwise, so that `sub` does not
 * end its output with a newline that was not there. Only the very last record written out is affected.
 */
#define TYPE_UNTERMINATED 65535

#define FRAME_HEADER_BYTES 8

struct frame {
	uint32_t length;
	uint16_t type;
	uint16_t zero;
};

void frame_encode(unsigned char header[FRAME_HEADER_BYTES], uint32_t length, uint16_t type);
struct frame frame_decode(const unsigned char header[FRAME_HEADER_BYTES]);

#endif
