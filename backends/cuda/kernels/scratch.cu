// Random words that are numbers of about 1 in every float type, for measurements.
extern "C" __global__ void scratch(unsigned *to, unsigned long long count) {
  const unsigned long long step = (unsigned long long)gridDim.x * blockDim.x;
  for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < count;
       i += step) {
    unsigned word = (unsigned)i * 2654435761u;
    word = (word ^ word >> 15) * 2246822519u;
    word = (word ^ word >> 13) * 3266489917u;
    word ^= word >> 16;
    to[i] = (word & 0x80ff80ffu) | 0x3f003f00u;
  }
}
