{{- define "setpoint.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "setpoint.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* commonLabels win over the chart's, but for those that select the pods. */}}
{{- define "setpoint.labels" -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version -}}
{{- $own := dict "helm.sh/chart" $chart "app.kubernetes.io/managed-by" .Release.Service "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $selector := include "setpoint.selectorLabels" . | fromYaml -}}
{{- mergeOverwrite $own (.Values.commonLabels | default dict) $selector | toYaml -}}
{{- end -}}

{{- define "setpoint.podLabels" -}}
{{- $selector := include "setpoint.selectorLabels" . | fromYaml -}}
{{- mergeOverwrite (dict) (.Values.commonLabels | default dict) (.Values.podLabels | default dict) $selector | toYaml -}}
{{- end -}}

{{- define "setpoint.serviceAccount" -}}
{{- default (ternary (include "setpoint.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "setpoint.lease" -}}
{{- default (include "setpoint.fullname" .) .Values.leaderElection.leaseName -}}
{{- end -}}

{{- define "setpoint.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "setpoint.subject" -}}
- kind: ServiceAccount
  name: {{ include "setpoint.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What the operator may do in every namespace that it watches, and nothing else. Secrets are read
one by one, by name, and never listed; `patch` of a resource itself is for the finalizer of
deletionPolicy Revert, and `get` for a shard, which asks whether others' resources are there. */}}
{{- define "setpoint.rules" -}}
- apiGroups: [setpoint.dev]
  resources: [scalingpolicies, dbtunings, cachetunings]
  verbs: [{{ if .Values.watchLabelSelector }}get, {{ end }}list, watch, patch]
- apiGroups: [setpoint.dev]
  resources: [scalingpolicies/status, dbtunings/status, cachetunings/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
