/* All of the contract. */
#ifndef FLAME_FLAME_H
#define FLAME_FLAME_H

#include "flame/adapter.h"
#include "flame/backend.h"
#include "flame/data_source.h"
#include "flame/diffusion.h"
#include "flame/entry.h"
#include "flame/exporter.h"
#include "flame/host.h"
#include "flame/model.h"
#include "flame/optimizer.h"
#include "flame/sampler.h"
#include "flame/tokenizer.h"
#include "flame/weights.h"

#endif
