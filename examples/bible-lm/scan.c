/* Selective scan, forward and backward, for train.py.
 *
 *   s_t[d,n] = exp(delta_t[d] A[d,n]) s_{t-1}[d,n] + delta_t[d] B_t[n] x_t[d]
 *   y_t[d]   = sum_n C_t[n] s_t[d,n]
 *
 * x, delta, y: [batch][time][D]; B, C: [batch][time][N]; A: [D][N]; N = 16.
 * Build: cc -O3 -march=native -ffast-math -fopenmp -shared -fPIC scan.c -o libscan.so
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N 16

/* exp by 2^round(x log2 e) times a polynomial; the compiler makes vectors of it. */
static inline float fast_exp(float x) {
  float v = x * 1.44269504f;
  v = v < -125.0f ? -125.0f : v;
  float r = rintf(v), f = v - r;
  float p = 1.0f + f * (0.69314718f + f * (0.24022651f + f * (0.05550411f + f * (0.00961813f + f * 0.00133336f))));
  union { int32_t i; float f; } scale = {((int32_t)r + 127) << 23};
  return p * scale.f;
}

void scan_forward(int64_t batch, int64_t T, int64_t D, const float *x, const float *delta, const float *A,
                  const float *B, const float *C, float *y) {
#pragma omp parallel for collapse(2)
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t d = 0; d < D; ++d) {
      float s[N] = {0};
      for (int64_t t = 0; t < T; ++t) {
        int64_t i = (b * T + t) * D + d;
        const float *Bt = B + (b * T + t) * N, *Ct = C + (b * T + t) * N;
        float dt = delta[i], u = dt * x[i], sum = 0;
        for (int n = 0; n < N; ++n) {
          s[n] = fast_exp(dt * A[d * N + n]) * s[n] + u * Bt[n];
          sum += s[n] * Ct[n];
        }
        y[i] = sum;
      }
    }
}

/* dA is [batch][D][N]: the caller sums it over the batch. dB and dC start at 0. */
void scan_backward(int64_t batch, int64_t T, int64_t D, const float *x, const float *delta, const float *A,
                   const float *B, const float *C, const float *dy, float *dx, float *ddelta, float *dA, float *dB,
                   float *dC) {
#pragma omp parallel for
  for (int64_t b = 0; b < batch; ++b) {
    float *states = malloc(sizeof(float) * (T + 1) * N), *decays = malloc(sizeof(float) * T * N);
    for (int64_t d = 0; d < D; ++d) {
      memset(states, 0, sizeof(float) * N);
      for (int64_t t = 0; t < T; ++t) {
        int64_t i = (b * T + t) * D + d;
        float dt = delta[i], u = dt * x[i];
        for (int n = 0; n < N; ++n) {
          float a = fast_exp(dt * A[d * N + n]);
          decays[t * N + n] = a;
          states[(t + 1) * N + n] = a * states[t * N + n] + u * B[(b * T + t) * N + n];
        }
      }
      float g[N] = {0}, gA[N] = {0};
      for (int64_t t = T - 1; t >= 0; --t) {
        int64_t i = (b * T + t) * D + d;
        const float *Bt = B + (b * T + t) * N, *Ct = C + (b * T + t) * N;
        float *dBt = dB + (b * T + t) * N, *dCt = dC + (b * T + t) * N;
        float dt = delta[i], xt = x[i], gy = dy[i], u = dt * xt, gB = 0, gD = 0;
        for (int n = 0; n < N; ++n) {
          dCt[n] += gy * states[(t + 1) * N + n];
          g[n] += gy * Ct[n];
          gB += g[n] * Bt[n];
          dBt[n] += g[n] * u;
          float da = g[n] * decays[t * N + n] * states[t * N + n];
          gD += da * A[d * N + n];
          gA[n] += da * dt;
          g[n] *= decays[t * N + n];
        }
        dx[i] = gB * dt;
        ddelta[i] = gB * xt + gD;
      }
      memcpy(dA + (b * D + d) * N, gA, sizeof gA);
    }
    free(states);
    free(decays);
  }
}
