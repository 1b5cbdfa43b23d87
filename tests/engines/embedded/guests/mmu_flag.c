/* Exits with the value that the engine gave to the platform's flag. */
volatile unsigned aimc_platform_mmu = 1;

int main(void) { return (int)aimc_platform_mmu; }
