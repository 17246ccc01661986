/* SPDX-License-Identifier: MIT */
#include "last.h"

void last_of_the_program(void)
{
}

void last_of_the_cold(void)
{
}
