# checks.mk - what the tree promises about itself: layers, names, headers, format, lint.
#
# SPDX-License-Identifier: Apache-2.0
