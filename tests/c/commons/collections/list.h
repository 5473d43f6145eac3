/*
 * Reemplazo de <commons/collections/list.h> para las pruebas: lo que usa un TP0, con el mismo ABI, escrito por nosotros.
 */
#ifndef TP0_PRUEBAS_COMMONS_LIST_H_
#define TP0_PRUEBAS_COMMONS_LIST_H_

struct link_element {
	void *data;
	struct link_element *next;
};
typedef struct link_element t_link_element;

typedef struct {
	t_link_element *head;
	int elements_count;
} t_list;

t_list *list_create(void);
int list_add(t_list *self, void *data);
void *list_get(t_list *self, int index);
int list_size(t_list *self);
void list_iterate(t_list *self, void (*closure)(void *));
void list_destroy(t_list *self);
void list_destroy_and_destroy_elements(t_list *self, void (*element_destroyer)(void *));
void list_clean_and_destroy_elements(t_list *self, void (*element_destroyer)(void *));

#endif
