// A gated sum of 64 channels, as somebody would write it who has a recurrence of
// his own: s_t = exp(-softplus(g_t)) s_{t-1} + x_t, y_t = s_t.
func.func @gated_sum(%x: tensor<1x?x64xf32> {seq.name = "x"}, %g: tensor<1x?x64xf32> {seq.name = "g"},
                     %h0: tensor<1x64xf32> {seq.name = "h0"})
    -> (tensor<1x?x64xf32> {seq.name = "y"}, tensor<1x64xf32> {seq.name = "h"}) {
  %c1 = arith.constant 1 : index
  %times = tensor.dim %x, %c1 : tensor<1x?x64xf32>
  %y0 = tensor.empty(%times) : tensor<1x?x64xf32>
  %y, %h = seq.recurrence along 1 ins(%x, %g : tensor<1x?x64xf32>, tensor<1x?x64xf32>)
      outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %gt: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    // softplus(g) = max(g, 0) + log(1 + exp(-|g|)), which never overflows
    %zero = arith.constant dense<0.0> : tensor<1x64xf32>
    %size = math.absf %gt : tensor<1x64xf32>
    %minus = arith.negf %size : tensor<1x64xf32>
    %small = math.exp %minus : tensor<1x64xf32>
    %log = math.log1p %small : tensor<1x64xf32>
    %positive = arith.maximumf %gt, %zero : tensor<1x64xf32>
    %softplus = arith.addf %positive, %log : tensor<1x64xf32>
    %logdecay = arith.negf %softplus : tensor<1x64xf32>
    %decay = math.exp %logdecay : tensor<1x64xf32>
    %kept = arith.mulf %decay, %s : tensor<1x64xf32>
    %next = arith.addf %kept, %xt : tensor<1x64xf32>
    seq.yield %next, %next : tensor<1x64xf32>, tensor<1x64xf32>
  }
  return %y, %h : tensor<1x?x64xf32>, tensor<1x64xf32>
}
