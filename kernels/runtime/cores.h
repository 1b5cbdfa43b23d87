/* Constants of start.S and cores.c. */
#ifndef AIMC_CORES_H
#define AIMC_CORES_H

#define AIMC_CORES 8 /* of a system, at most */

#endif
