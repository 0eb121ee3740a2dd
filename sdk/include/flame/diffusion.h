/* Optional, of models that draw pictures from noise: how the denoiser was trained, and which models
 * stand beside it.
 *
 * The model has two programs for it. The denoiser takes "sample" (f32 [batch, height, width,
 * channels], scaled to variance 1) and "timestep" (f32 [batch]), answers with its prediction, and may
 * have more inputs: these are the outputs of the other program, the conditions, under the same names.
 * The conditions have no parameters.
 * The conditions take what the text encoders answer, as inputs "ROLE.OUTPUT"
 * ("text_encoder_2.text_embeds", f32 [batch · rows, …], a prompt having some rows of tokens), and
 * "picture" (f32 [batch, 6]: height and width of the original, top and left of the crop, height and
 * width of the picture). Sizes of the denoiser are "batch", "height" and "width" of the latent, and
 * "tokens" of the whole prompt; those of the conditions "batch", "rows", "tokens" of a row and, under
 * the name of each input from text, its last size.
 *
 * A text encoder has one program with the input "input_ids" (i64 [batch, tokens]) and reads text
 * (tokenizer.h). An autoencoder has the programs "encode" ("sample", a picture from -1 to 1, and
 * "noise" of the latent's shape to "latent") and "decode" ("latent" to "sample"), with latents scaled
 * as the denoiser wants them; sizes are "batch", "height" and "width" of what goes in. */
#ifndef FLAME_DIFFUSION_H
#define FLAME_DIFFUSION_H

#include "flame/model.h"

FLAME_BEGIN_C

#define FLAME_DIFFUSION_ID "flame.diffusion/1"

/* What the denoiser answers for clean + σ · noise. */
#define FLAME_PREDICTS_EPSILON 0u  /* the noise */
#define FLAME_PREDICTS_VELOCITY 1u /* (noise - σ · clean) / √(σ² + 1) */

#define FLAME_PART_TEXT_ENCODER 0u
#define FLAME_PART_AUTOENCODER 1u

/* A model that stands beside the denoiser. Filled by the plugin, no further than struct_size. Text
 * lives as long as the model. */
typedef struct flame_part {
  uint32_t struct_size;
  uint32_t kind;
  flame_str role;      /* "text_encoder_2": its name in folders of weights, and in messages */
  flame_str component; /* the model that it is: "clip-g" */
} flame_part;

/* Filled by the plugin, no further than struct_size. Text and arrays live as long as the model. */
typedef struct flame_diffusion {
  uint32_t struct_size;
  uint32_t prediction;
  uint32_t level_count;       /* at least 2 */
  uint32_t latent_size;       /* pixels on a side for one element of the latent: 8 */
  uint32_t latent_channels;   /* 4 */
  uint32_t usual_size;        /* pixels on a side of a square picture: 1024 */
  const double *noise_levels; /* finite and rising: the σ of each time that it was trained at */
  double usual_guidance;      /* how strongly prompts count if nothing else is said: 5 */
  flame_str denoiser;         /* the names of the programs */
  flame_str conditions;
  flame_str usual_sampler; /* "euler" */
} flame_diffusion;

typedef struct flame_diffusion_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* [object-serial] */
  flame_status (*describe)(flame_model *model, flame_call *call,
                           flame_diffusion *out) FLAME_NOEXCEPT;
  /* Part `index`, or END behind the last. [object-serial] */
  flame_status (*describe_part)(flame_model *model, flame_call *call, uint32_t index,
                                flame_part *out) FLAME_NOEXCEPT;
} flame_diffusion_interface;

FLAME_END_C

#endif
