// What attention and its gradient share.
#pragma once

#include "core/ops/catalogue/terms.h"

namespace flame {

// Shapes and types of q, k, v and the mask (if `mask` is below the number of inputs), which stand
// at these inputs.
struct AttentionOperands {
  size_t q;
  size_t mask;
};
std::vector<AttributeSpec> attention_attributes();
Status check_attention(const OpCall &call, AttentionOperands at);

// The operands with heads in front of places, in the order [b, h, s, d].
struct AttentionTerms {
  Term q;
  Term k;
  Term v;
  Term mask;  // may be empty
  double scale;
  bool causal;

  AttentionTerms(const Attributes &attributes, const Term &q, const Term &k, const Term &v,
                 const Term &mask);
  // scale · q · kᵀ with mask, in the computing type; -inf where a key is masked out.
  Term scores() const;
};

// dq, dk, dv and dmask in the operands' own layout; dmask is empty without a mask of floats. `dlse`
// may be empty.
std::vector<Term> attention_backward(const AttentionTerms &terms, const Term &dy, const Term &y,
                                     const Term &lse, const Term &dlse);

}  // namespace flame
