"""The functions that SQL of a user may call: those that compute from their arguments and reach nothing else."""

_NAMES = """
+ - * / // % ** ^ & | ~ << >> || ! @ ~~ !~~ ~~* !~~* ~~~ <-> && <@ @> ^@ abs ceil ceiling floor round trunc sign sqrt
cbrt pow power exp ln log log2 log10 mod greatest least even isnan isfinite isinf pi degrees radians sin cos tan asin
acos atan atan2 divide fdiv fmod add subtract multiply count count_star count_if countif sum sum_no_overflow fsum
kahan_sum avg mean min max min_by max_by arg_min arg_max arg_min_null arg_max_null argmin argmax median mode quantile
quantile_cont quantile_disc percentile_cont percentile_disc mad stddev stddev_pop stddev_samp variance var_pop
var_samp corr covar_pop covar_samp regr_slope regr_intercept regr_r2 skewness kurtosis entropy product bool_and
bool_or bit_and bit_or bit_xor first last any_value arbitrary string_agg group_concat listagg list array_agg histogram
approx_count_distinct approx_quantile approx_top_k row_number rank dense_rank percent_rank cume_dist ntile lag lead
first_value last_value nth_value fill lower upper lcase ucase trim ltrim rtrim length len strlen char_length
character_length substr substring substring_grapheme left right replace translate reverse concat concat_ws contains
prefix suffix starts_with ends_with strpos instr position like_escape not_like_escape ilike_escape not_ilike_escape
regexp_matches regexp_full_match regexp_replace regexp_extract regexp_extract_all regexp_split_to_array
regexp_split_to_table split string_split str_split string_split_regex string_to_array split_part lpad rpad repeat
format printf initcap ascii chr unicode ord md5 sha1 sha256 hash levenshtein editdist3 damerau_levenshtein jaccard
jaro_similarity jaro_winkler_similarity hamming mismatches strip_accents nfc_normalize format_bytes formatreadablesize
bar to_base hex unhex to_hex from_hex base64 to_base64 from_base64 coalesce ifnull nullif if error_if_null
constant_or_null isnull notnull typeof try_cast year month day hour minute second millisecond week weekday dayofweek
dayofmonth dayofyear isodow quarter epoch epoch_ms date_part date_trunc date_diff datediff date_add date_sub datepart
datetrunc strftime strptime try_strptime make_date make_time make_timestamp to_timestamp to_seconds to_minutes
to_hours to_days to_milliseconds interval age list_value list_pack array_value list_contains list_has array_has
array_contains list_has_any list_has_all array_has_any array_has_all list_position list_indexof array_position
array_length list_length list_extract list_element array_extract list_slice array_slice list_sort array_sort
list_reverse_sort list_distinct array_distinct list_unique array_unique list_concat list_cat array_concat array_cat
list_append array_append list_prepend list_reverse array_reverse list_transform list_apply apply array_transform
array_apply list_filter filter array_filter list_reduce reduce array_reduce list_aggregate array_aggregate list_aggr
list_sum list_avg list_min list_max list_count list_first list_last list_any_value list_mode list_median
list_string_agg list_bool_and list_bool_or list_zip array_zip list_intersect array_intersect list_select list_where
list_resize array_resize list_grade_up flatten unnest unlist range generate_series array_to_string list_to_string
cardinality struct_pack struct_extract struct_extract_at struct_insert row map map_keys map_values map_entries
map_extract element_at map_from_entries map_contains json_extract json_extract_string json_array_length json_type
json_valid json_keys json_object json_array to_json -> ->> not_between between in not_in date time timestamp
current_date today now get_current_timestamp current_timestamp grouping grouping_id alias nextafter bit_count
width_bucket equi_width_bins
"""

FUNCTIONS = frozenset(_NAMES.split())
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
