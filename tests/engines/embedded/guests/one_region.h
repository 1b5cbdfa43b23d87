/* A program whose body() runs in region 1; it exits with the value that body() returns. */
#ifndef GUEST_ONE_REGION_H
#define GUEST_ONE_REGION_H

#include "region.h"

static int body(void);

int main(void) {
  begin(1);
  const int result = body();
  end(1);
  return result;
}

#endif
