// What users can set of `image-folder`.
#include "plugins/data/image_folder/image_folder.h"

namespace image_folder {

void Options::describe(flame::OptionTable &table) {
  table
      .path("path", path,
            "The folder with the pictures. Words behind it hold for it alone: repeats=3, "
            "weight=0.5 of the loss, regularisation=true, masks=NAME of a folder in it.")
      .required()
      .alias("folder")
      .alias("image_dir")
      .alias("train_data_dir")
      .alias("folder_path");
  table.path("folders", folders, "Further folders, likewise.");
  table.flag("recursive", recursive, "Whether folders in the folder are looked into.");
  table.number("repeats", repeats, "How often each picture stands in an epoch.")
      .range(0, 1e6)
      .alias("num_repeats");
  table.integer("resolution", resolution, "The side of a square bucket.")
      .unit("px")
      .range(64, 8192)
      .alias("size");
  table.integer("bucket_step", bucket_step, "Sides of buckets are multiples of it.")
      .unit("px")
      .range(8, 1024)
      .alias("bucket_reso_steps");
  table
      .integer("min_bucket", min_bucket,
               "The least side of a bucket; without upscale, small pictures have smaller ones.")
      .unit("px")
      .range(8, 8192)
      .alias("min_bucket_reso");
  table.integer("max_bucket", max_bucket, "The largest side of a bucket.")
      .unit("px")
      .range(64, 16384)
      .alias("max_bucket_reso");
  table.flag("upscale", upscale, "Whether pictures smaller than their bucket are enlarged.");
  table
      .choice<Crop>("crop", crop, {{"center", Crop::kCenter}, {"random", Crop::kRandom}},
                    "Where pictures are cut to their bucket.")
      .alias("random_crop");
  table.integer("crops", crops, "How many random crops there are of a picture.").range(1, 1024);
  table.flag("flip", flip, "Whether pictures are shown mirrored too.")
      .alias("flip_aug")
      .alias("random_flip");
  table.choice<CaptionSource>(
      "captions", captions,
      {{"auto", CaptionSource::kAuto},
       {"files", CaptionSource::kFiles},
       {"metadata", CaptionSource::kMetadata},
       {"names", CaptionSource::kNames},
       {"none", CaptionSource::kNone}},
      "Where captions stand: in a file beside each picture, in the folder's "
      "metadata.jsonl or metadata.csv, in the pictures' names; auto takes "
      "the file, else the table.");
  table.string("caption_ext", caption_ext, "What a caption's file ends in.")
      .alias("caption_extension");
  table
      .string("trigger", trigger,
              "A word for what is learned: replaces [trigger] in captions, or is put in front; "
              "not in regularisation folders.")
      .alias("trigger_word");
  table
      .string("class_prompt", class_prompt,
              "The caption of pictures in regularisation folders that have none of their own.")
      .alias("class_caption");
  table.string("prefix", prefix, "Put in front of every caption, with a comma.")
      .alias("caption_prefix");
  table.string("suffix", suffix, "Put behind every caption, with a comma.").alias("caption_suffix");
  table.flag("shuffle_tags", shuffle_tags, "Whether the parts between commas change places.")
      .alias("shuffle_caption");
  table.integer("keep_tokens", keep_tokens, "How many tags at the front stay where they are.")
      .range(0, 1000);
  table.number("tag_dropout", tag_dropout, "The part of the other tags that is left out.")
      .range(0, 1)
      .alias("caption_tag_dropout_rate");
  table
      .integer("caption_variants", caption_variants,
               "How many versions shuffle_tags and tag_dropout make of a caption, so that text "
               "states can be kept; 0 makes a new one each time.")
      .range(0, 100000);
  table.path("masks", masks,
             "A folder of pictures with the same names: how bright they are says how much of the "
             "loss counts there.");
  table.choice<AlphaUse>("alpha", alpha, {{"white", AlphaUse::kWhite}, {"mask", AlphaUse::kMask}},
                         "What transparency is: white, or white and a mask of the loss.");
  table.flag("strict", strict,
             "Whether a file that cannot be used, or has no caption, ends the run.");
  table.path("index", index,
             "Where sizes and hashes of the files are kept; else the user's cache folder.");
  table.size("decoder_memory", decoder_memory, "What decoding a picture may take.")
      .range(256 << 20, double(uint64_t{1} << 40));
  table.duration("decoder_time", decoder_time, "Of the processor, for decoding a picture.")
      .range(1, 3600);
}

}  // namespace image_folder
